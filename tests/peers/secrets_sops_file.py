#!/usr/bin/python3
"""Writes and reads files as SOPS does, independently of the C++ code: with python3-cryptography and the age program.

  secrets_sops_file.py write RULES IDENTITIES < plain.json > encrypted.json
      RULES: a JSON object for "sops": {"unencrypted_suffix": "_unencrypted", "mac_only_encrypted": true}
  secrets_sops_file.py read IDENTITIES < encrypted.json > plain.json
      fails unless every value and the authentication code hold

Facts from the README of getsops/sops ("Encryption protocol"): a data key of 32 bytes; AES-256-GCM with an iv of 32 bytes;
additional data is the path, names joined by ":" with one at the end; elements of lists have the path of the list; the
code is SHA-512 in upper-case hexadecimal over the values in order, encrypted with lastmodified as additional data.
"""
import base64, decimal, hashlib, json, os, re, subprocess, sys
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ENCRYPTED = re.compile(r"^ENC\[AES256_GCM,data:(.*),iv:(.+),tag:(.+),type:(.+)\]$")


def code_bytes(value):
    if isinstance(value, bool):
        return b"True" if value else b"False"
    if isinstance(value, float):
        text = format(decimal.Decimal(repr(value)), "f")  # the shortest that reads back the same, without an exponent
        return (text.rstrip("0").rstrip(".") if "." in text else text).encode()
    return str(value).encode()


def type_of(value):
    return {bool: "bool", int: "int", float: "float", str: "str"}[type(value)]


def encrypt(key, plain, additional, kind):
    iv = os.urandom(32)
    out = AESGCM(key).encrypt(iv, plain, additional.encode())
    data, iv, tag = (base64.b64encode(x).decode() for x in (out[:-16], iv, out[-16:]))
    return f"ENC[AES256_GCM,data:{data},iv:{iv},tag:{tag},type:{kind}]"


def decrypt(key, text, additional):
    data, iv, tag, kind = ENCRYPTED.match(text).groups()
    plain = AESGCM(key).decrypt(base64.b64decode(iv), base64.b64decode(data) + base64.b64decode(tag), additional.encode())
    if kind == "bool":
        return plain == b"True" or plain == b"true"
    return {"int": int, "float": float}.get(kind, lambda b: b.decode())(plain)


def is_encrypted(rules, path):
    if "encrypted_regex" in rules:
        return any(re.search(rules["encrypted_regex"], part) for part in path)
    if "unencrypted_regex" in rules:
        return not any(re.search(rules["unencrypted_regex"], part) for part in path)
    if "encrypted_suffix" in rules:
        return any(part.endswith(rules["encrypted_suffix"]) for part in path)
    suffix = rules.get("unencrypted_suffix", "_unencrypted")
    return not any(part.endswith(suffix) for part in path)


def walk(value, path, leaf):
    if isinstance(value, dict):
        return {name: walk(each, path + [name], leaf) for name, each in value.items()}
    if isinstance(value, list):
        return [walk(each, path, leaf) for each in value]
    return value if value is None else leaf(value, path)


def new_code(rules):
    only = rules.get("mac_only_encrypted", False)
    return hashlib.sha512(hashlib.sha256(b"sops").digest() if only else b""), only


def age(arguments, given):
    return subprocess.run(["age"] + arguments, input=given, stdout=subprocess.PIPE, check=True).stdout


def write(rules, identities):
    plain, key = json.load(sys.stdin), os.urandom(32)
    code, only = new_code(rules)

    def leaf(value, path):
        encrypted = is_encrypted(rules, path)
        if encrypted or not only:
            code.update(code_bytes(value))
        if not encrypted or value == "":
            return value
        return encrypt(key, code_bytes(value), ":".join(path) + ":", type_of(value))

    document = walk(plain, [], leaf)
    modified = "2026-11-27T10:00:00Z"
    recipient = subprocess.run(["age-keygen", "-y", identities], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    document["sops"] = {
        "age": [{"recipient": recipient, "enc": age(["-a", "-r", recipient], key).decode()}],
        "lastmodified": modified,
        "mac": encrypt(key, code.hexdigest().upper().encode(), modified, "str"),
        "version": "3.9.0", **rules}
    json.dump(document, sys.stdout, indent=2)


def read(identities):
    document = json.load(sys.stdin)
    rules = document.pop("sops")
    key = age(["-d", "-i", identities], rules["age"][0]["enc"].encode())
    code, only = new_code(rules)

    def leaf(value, path):
        encrypted = is_encrypted(rules, path)
        plain = decrypt(key, value, ":".join(path) + ":") if encrypted and value != "" else value
        if encrypted or not only:
            code.update(code_bytes(plain))
        return plain

    plain = walk(document, [], leaf)
    if decrypt(key, rules["mac"], rules["lastmodified"]) != code.hexdigest().upper():
        sys.exit("the authentication code does not hold")
    json.dump(plain, sys.stdout)


if sys.argv[1] == "write":
    write(json.loads(sys.argv[2]), sys.argv[3])
else:
    read(sys.argv[2])
