"""The users of the benchmarks: as manifests for Plumbline, as LDIF for its peers, as a playbook for Ansible."""
import json
import pathlib

CLASSES = ("top", "person", "organizationalPerson", "user")
SURROUNDINGS = """apiVersion: plumbline.dev/v1alpha1
kind: Directory
metadata: {{name: corp}}
spec:
  servers: ["{url}"]
  baseDNs: ["DC=ad,DC=test"]
  managedScope: ["{ou}"]
  credentialRef: {{name: bind}}
  tls: {{caFile: "{ca}", serverName: {address}}}
---
apiVersion: plumbline.dev/v1alpha1
kind: Credential
metadata: {{name: bind}}
spec:
  type: ldapBind
  ldapBind:
    username: {user}
    passwordFrom: {{env: PLUMBLINE_BENCHMARK_PASSWORD}}
"""


def user(number, prefix, updated):
    """The fields of a manifest's spec, and the attributes that they are in the directory."""
    account = f"{prefix}{number:05}"
    fields = {
        "userPrincipalName": f"{account}@ad.test",
        "givenName": f"Given{number}",
        "sn": f"Surname{number}",
        "displayName": f"Given{number} Surname{number}",
        "mail": f"{account}@example.com",
        "title": "Senior engineer" if updated else "Engineer",
        "department": "Research" if updated else "Sales",
        "company": "Example",
        "employeeID": f"{number:08}",
        "telephoneNumber": f"+49 30 {number:07}",
        "description": "Made by a benchmark",
    }
    return account, fields


def write_manifests(folder, server, ou, count, prefix, updated=False, url=None):
    """One user to a file, at most 1,000 files to a folder; replaces what was there."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "directory.yaml").write_text(
        SURROUNDINGS.format(url=url or server.url, ou=ou, ca=server.ca, address=server.address, user=server.user))
    for number in range(count):
        account, fields = user(number, prefix, updated)
        below = folder / f"users{number // 1000:03}"
        below.mkdir(exist_ok=True)
        lines = ["apiVersion: plumbline.dev/v1alpha1", "kind: ADUser", f"metadata: {{name: {account}}}", "spec:",
                 f'  parentDN: "{ou}"']
        lines += [f"  {name}: {json.dumps(value)}" for name, value in fields.items()]
        (below / f"{account}.yaml").write_text("\n".join(lines) + "\n")


def write_ldif(path, ou, count, prefix, updated=False):
    """What ldapadd has to be given for the same users; updated: what ldapmodify has to be given after that."""
    entries = []
    for number in range(count):
        account, fields = user(number, prefix, updated)
        lines = [f"dn: CN={fields['displayName']},{ou}"]
        if updated:
            lines += ["changetype: modify"]
            for name in ("title", "department"):
                lines += [f"replace: {name}", f"{name}: {fields[name]}", "-"]
        else:
            lines += [f"objectClass: {name}" for name in CLASSES] + [f"sAMAccountName: {account}"]
            lines += [f"{name}: {value}" for name, value in fields.items()]
        entries.append("\n".join(lines) + "\n")
    pathlib.Path(path).write_text("\n".join(entries))


def write_playbook(path, server, ou, count, prefix):
    """The same users for Ansible: that they exist (ldap_entry), and that their attributes are right (ldap_attrs)."""
    users = []
    for number in range(count):
        account, fields = user(number, prefix, False)
        users.append({"dn": f"CN={fields['displayName']},{ou}", "attributes": {"sAMAccountName": account, **fields}})
    connection = {"server_uri": server.url, "bind_dn": server.user, "bind_pw": server.password,
                  "ca_path": str(server.ca)}
    tasks = [
        {"name": "Users exist", "loop": "{{ users }}", "loop_control": {"label": "{{ item.dn }}"},
         "community.general.ldap_entry": {**connection, "dn": "{{ item.dn }}", "objectClass": list(CLASSES),
                                          "attributes": "{{ item.attributes }}"}},
        {"name": "Their attributes are right", "loop": "{{ users }}", "loop_control": {"label": "{{ item.dn }}"},
         "community.general.ldap_attrs": {**connection, "dn": "{{ item.dn }}", "state": "exact",
                                          "attributes": "{{ item.attributes }}"}},
    ]
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks,
            "vars": {"users": users, "ansible_python_interpreter": "/usr/bin/python3"}}
    pathlib.Path(path).write_text(json.dumps([play]))  # JSON is YAML
