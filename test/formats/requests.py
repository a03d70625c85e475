"""Sends one GetCallerIdentity or ListMFADevices for each case on standard input, as boto3 and the AWS CLI do.

Reads a JSON list of {"env": {...}, "service": "sts" | "iam"}. Prints a JSON list of the errors, each null or a text. The
proxy that the variables name sees what was asked. With the argument "partitions" it prints AWS's partitions instead, with
"proxies" the proxy for the URL of each case.
"""

import json
import os
import sys

import botocore.loaders
import botocore.session
from botocore.httpsession import ProxyConfiguration
from botocore.utils import get_environ_proxies

LOADER = botocore.loaders.Loader()
KEYS = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "secret"}


def with_environment(env):
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy") or name in ("REQUEST_METHOD", "REQUESTS_CA_BUNDLE"):
            del os.environ[name]
    os.environ.update(env)
    # Only the AWS CLI 2 reads AWS_REGION. It reads it before AWS_DEFAULT_REGION.
    if "AWS_REGION" in env:
        os.environ["AWS_DEFAULT_REGION"] = env["AWS_REGION"]
    os.environ["AWS_MAX_ATTEMPTS"] = "1"


def error_of(case):
    with_environment(case["env"])
    try:
        session = botocore.session.Session()
        session.register_component("data_loader", LOADER)
        if case.get("service") == "iam":
            session.create_client("iam", **KEYS).list_mfa_devices()
        else:
            session.create_client("sts", **KEYS).get_caller_identity()
        return None
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def proxy_of(case):
    with_environment(case["env"])
    return ProxyConfiguration(proxies=get_environ_proxies(case["url"])).proxy_url_for(case["url"]) or None


if sys.argv[1:] == ["partitions"]:
    print(json.dumps(LOADER.load_data("partitions")["partitions"]))
else:
    answer = proxy_of if sys.argv[1:] == ["proxies"] else error_of
    print(json.dumps([answer(case) for case in json.load(sys.stdin)]))
