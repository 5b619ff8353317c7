#!/usr/bin/env python3
"""A throwaway OpenID provider: glewlwyd on a loopback port, set up over its own REST API.

    glewlwyd.py DIRECTORY PORT

Prints "ready" once it can be used, or what is wrong; ends the provider when standard input is closed. It has the user
jane (password "jane pass+word"), the scope "pets", and the clients "machine" (client credentials, password) and "web"
(authorization code), both with the secret "client s&cret/+", and "plain" (client credentials) with "plain-secret", as
glewlwyd does not take apart what RFC 6749 has form-encoded within Basic. Access tokens hold for 120 seconds.
"""
import gzip
import http.cookiejar
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

SCHEMA = "/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz"
CONFIG = "/etc/glewlwyd/glewlwyd.conf"
SECRET = "client s&cret/+"


def prepare(directory, port):
    database = os.path.join(directory, "glewlwyd.db")
    schema = "PRAGMA synchronous=OFF;" + gzip.open(SCHEMA, "rt").read()
    subprocess.run(["sqlite3", database], input=schema, text=True, check=True)
    # A minimal configuration fails ("secure connection is active"): the packaged one is changed.
    text = open(CONFIG).read()
    for setting, value in (("port", f'{port}\nbind_address="127.0.0.1"'),
                           ("external_url", f'"http://127.0.0.1:{port}"'),
                           ("log_mode", '"console"'), ("log_level", '"WARNING"')):
        text = re.sub(rf"^{setting}=.*", f"{setting}={value}", text, flags=re.M)
    text = re.sub(r"^@include.*", f'database = {{ type = "sqlite3" path = "{database}" }};', text, flags=re.M)
    path = os.path.join(directory, "glewlwyd.conf")
    with open(path, "w") as out:
        out.write(text)
    return path


class Api:
    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}/api"
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with self.opener.open(request, timeout=20) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}")


def sign_in(api, process):
    until = time.monotonic() + 30
    while True:
        try:
            return api.call("POST", "/auth/", {"username": "admin", "password": "password"})
        except (urllib.error.URLError, ConnectionError) as error:
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"glewlwyd does not answer: {error}")
            time.sleep(0.05)


def plugin(port):
    return {
        "module": "oidc", "name": "oidc", "display_name": "OpenID Connect", "parameters": {
            "iss": f"http://127.0.0.1:{port}/api/oidc", "jwt-type": "sha", "jwt-key-size": "256",
            "key": "a key of this test alone", "access-token-duration": 120, "refresh-token-duration": 3600,
            "code-duration": 60, "refresh-token-rolling": True, "allow-non-oidc": True,
            "auth-type-code-enabled": True, "auth-type-token-enabled": False, "auth-type-id-token-enabled": True,
            "auth-type-implicit-enabled": False, "auth-type-password-enabled": True,
            "auth-type-client-enabled": True, "auth-type-refresh-enabled": True, "auth-type-device-enabled": False,
            "scope": [{"name": "pets"}], "pkce-allowed": True, "pkce-method-plain-allowed": False,
            "pkce-required": True, "subject-type": "public", "oauth-as-iss-id": True,
            "introspection-revocation-allowed": False, "register-client-allowed": False,
            "session-management-allowed": False, "request-parameter-allow": False, "jwks-show": False,
        }}


def set_up(api, port):
    api.call("POST", "/scope/", {"name": "pets", "display_name": "Pets", "description": "pets",
                                 "password_required": True, "scheme": {}})
    api.call("POST", "/user/", {"username": "jane", "password": "jane pass+word", "name": "Jane",
                                "scope": ["pets", "openid", "g_profile"], "enabled": True})
    for name, secret, grants in (("machine", SECRET, ["client_credentials", "password", "refresh_token"]),
                                 ("plain", "plain-secret", ["client_credentials"]),
                                 ("web", SECRET, ["code", "refresh_token"])):
        api.call("POST", "/client/", {
            "client_id": name, "name": name, "password": secret, "confidential": True, "enabled": True,
            "client_secret": secret, "scope": ["pets"], "authorization_type": grants,
            "token_endpoint_auth_method": ["client_secret_basic", "client_secret_post"],
            "redirect_uri": ["http://127.0.0.1:9/callback"]})
    api.call("POST", "/mod/plugin/", plugin(port))


def start(directory, config):
    with open(os.path.join(directory, "log"), "ab") as log:
        return subprocess.Popen(["glewlwyd", f"--config-file={config}"], stdin=subprocess.DEVNULL, stdout=log,
                                stderr=log)


def stop(process):
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main():
    directory, port = sys.argv[1], int(sys.argv[2])
    config = prepare(directory, port)
    process = start(directory, config)
    try:
        api = Api(port)
        sign_in(api, process)
        set_up(api, port)
        print("ready", flush=True)
        sys.stdin.read()
    finally:
        stop(process)


main()
