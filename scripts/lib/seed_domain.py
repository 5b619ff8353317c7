#!/usr/bin/python3
"""Gives a throwaway domain what a first use of Plumbline needs: an OU to manage, and an account that may
write below that OU and nowhere else, as one would delegate it in a real domain.

    seed_domain.py DIR OU ACCOUNT    DIR of scripts/samba-dc; the account's password is read from standard input
"""
import sys

from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB
import ldb

folder, ou, account = sys.argv[1:4]
password = sys.stdin.readline().rstrip("\n")
lp = LoadParm()
lp.load(folder + "/smb.conf")
db = SamDB(url=folder + "/private/sam.ldb", session_info=system_session(lp), lp=lp)

dn = "OU=%s,%s" % (ou, db.domain_dn())
try:
    db.add({"dn": dn, "objectClass": "organizationalUnit"})
    db.newuser(account, password, description="Signs in for Plumbline")
except ldb.LdbError as error:
    if error.args[0] != ldb.ERR_ENTRY_ALREADY_EXISTS:
        raise
    # Of an earlier use: what is below goes, the rights stay.
    for child in db.search(dn, ldb.SCOPE_ONELEVEL, attrs=["cn"]):
        db.delete(child.dn, ["tree_delete:1"])
    print("the domain has %s already; it was emptied" % dn)
    sys.exit(0)
# A service account's password does not expire.
db.setexpiry("(sAMAccountName=%s)" % account, 0, no_expiry_req=True)

def grant(place, rights, controls):
    entry = db.search(place, ldb.SCOPE_BASE, attrs=["nTSecurityDescriptor"], controls=controls)[0]
    text = ndr_unpack(security.descriptor, entry["nTSecurityDescriptor"][0]).as_sddl(domain)
    granted = text.replace("(", "(A;CI;%s;;;%s)(" % (rights, sid), 1)
    change = ldb.Message(ldb.Dn(db, place))
    change["sd"] = ldb.MessageElement(ndr_pack(security.descriptor.from_sddl(granted, domain)),
                                      ldb.FLAG_MOD_REPLACE, "nTSecurityDescriptor")
    db.modify(change, controls=controls)


user = db.search(expression="(sAMAccountName=%s)" % account, attrs=["objectSid"])[0]
sid = ndr_unpack(security.dom_sid, user["objectSid"][0])
domain = security.dom_sid(db.get_domain_sid())
only_dacl = ["sd_flags:1:4"]
# Everything, on the OU and below it; and to see what was deleted, as docs/getting-started.md asks for.
grant(dn, "GA", only_dacl)
grant("CN=Deleted Objects,%s" % db.domain_dn(), "LCRP", only_dacl + ["show_deleted:1"])
print("%s may write below %s" % (account, dn))
