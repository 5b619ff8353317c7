#!/usr/bin/python3
"""Makes the databases of a private domain controller below DIR, whose smb.conf is written already.

Through the Python API because the command line of Samba insists on POSIX ACLs for sysvol, which a test
directory on tmpfs or in a container does not have.

usage: samba_provision.py DIR REALM NETBIOS_DOMAIN HOST ADDRESS   (the password comes on standard input)
"""
import logging
import sys

import samba.param
from samba.auth import system_session
from samba.dsdb import DS_DOMAIN_FUNCTION_2008_R2
from samba.provision import FILL_FULL, provision


def main():
    directory, realm, domain, host, address = sys.argv[1:6]
    password = sys.stdin.readline().rstrip("\n")
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    parameters = samba.param.LoadParm()
    parameters.load(f"{directory}/smb.conf")
    made = provision(
        logging.getLogger("provision"), system_session(), smbconf=None, targetdir=directory, samdb_fill=FILL_FULL,
        realm=realm, domain=domain, hostname=host, hostip=address, adminpass=password, dns_backend="NONE",
        serverrole="active directory domain controller", dom_for_fun_level=DS_DOMAIN_FUNCTION_2008_R2, lp=parameters,
        use_rfc2307=True, skip_sysvolacl=True, backend_store="mdb", backend_store_size=4 << 30)
    samdb = made.samdb
    root = samdb.domain_dn()
    samdb.transaction_start()
    # The names that Samba's own updater would add with the help of DNS: without them no Kerberos ticket
    # for the service can be had. The address stands for itself, so that clients need no name service.
    account = str(samdb.search(expression=f"(sAMAccountName={host}$)", attrs=["cn"])[0].dn)
    full = f"{host}.{realm.lower()}"
    names = [f"ldap/{full}", f"ldap/{full}/{realm.lower()}", f"ldap/{host}", f"HOST/{full}"]
    names += [f"ldap/127.0.0.{last}" for last in range(1, 255)]
    samdb.modify_ldif(f"dn: {account}\nchangetype: modify\nadd: servicePrincipalName\n" +
                      "".join(f"servicePrincipalName: {name}\n" for name in names), controls=["permissive_modify:0"])
    # A cached copy outlives the 42 days of the default password policy; tests change passwords at once.
    samdb.modify_ldif(f"dn: CN=Administrator,CN=Users,{root}\nchangetype: modify\n"
                      "replace: userAccountControl\nuserAccountControl: 66048\n")
    samdb.modify_ldif(f"dn: {root}\nchangetype: modify\nreplace: minPwdAge\nminPwdAge: 0\n")
    samdb.transaction_commit()


main()
