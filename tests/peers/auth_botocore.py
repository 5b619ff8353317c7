#!/usr/bin/env python3
"""Signs requests as botocore does: a JSON list on standard input, a list of their Authorization headers on output."""
import datetime
import json
import sys

import botocore.auth
import botocore.awsrequest
import botocore.credentials


now_is = None


class Fixed(datetime.datetime):
    @classmethod
    def utcnow(cls):
        return now_is


class Datetime:
    datetime = Fixed


# Where botocore takes the time from, by its version.
if hasattr(botocore.auth, "get_current_datetime"):
    botocore.auth.get_current_datetime = lambda *_, **__: now_is
else:
    botocore.auth.datetime = Datetime
signed = []
for one in json.load(sys.stdin):
    now_is = datetime.datetime.strptime(one["time"], "%Y%m%dT%H%M%SZ")
    request = botocore.awsrequest.AWSRequest(method=one["method"], url=one["url"], data=one["body"].encode("utf-8"),
                                             headers=dict(one["headers"]))
    request.context["payload_signing_enabled"] = True
    keys = botocore.credentials.Credentials(one["id"], one["secret"], one["token"] or None)
    kind = botocore.auth.S3SigV4Auth if one["service"] == "s3" else botocore.auth.SigV4Auth
    kind(keys, one["service"], one["region"]).add_auth(request)
    signed.append(request.headers["Authorization"])
json.dump(signed, sys.stdout)
