"""Sets one key of one profile again and again by `aws configure set`, the AWS CLI's own code, in one process.

Arguments: the file, the profile, the key. Standard input: a line for each value to set, until it is closed. Output: when it
did so, a line of JSON for each, `{ read, opening, opened, closed }`, in microseconds of the machine's monotonic clock: its
open() is wrapped to write down the times.
"""

import builtins
import json
import os
import sys
import time

from awscli.clidriver import create_clidriver

file, profile, key = sys.argv[1:]
os.environ["AWS_SHARED_CREDENTIALS_FILE"] = file
os.environ["AWS_CONFIG_FILE"] = os.devnull
times = {}


def now():
    return time.monotonic_ns() // 1000


class Timed:
    def __init__(self, stream):
        self.stream = stream

    def __enter__(self):
        return self.stream.__enter__()

    def __exit__(self, *reason):
        self.stream.__exit__(*reason)
        times["closed"] = now()


def timed_open(path, mode="r", *rest, **options):
    if path != file:
        return original_open(path, mode, *rest, **options)
    if mode == "r":
        times["read"] = now()
        return original_open(path, mode, *rest, **options)
    times["opening"] = now()
    stream = original_open(path, mode, *rest, **options)
    times["opened"] = now()
    return Timed(stream)


original_open = builtins.open
driver = create_clidriver()
for value in sys.stdin:
    times.clear()
    builtins.open = timed_open
    status = driver.main(["configure", "set", key, value.strip(), "--profile", profile])
    builtins.open = original_open
    if status != 0 or len(times) != 4:
        sys.exit(f"aws configure set: status {status}, {times}")
    print(json.dumps(times), flush=True)
