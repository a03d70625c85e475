"""Parses a credentials file without pause, by botocore, until its standard input is closed.

Argument: the file. Output: a line of JSON for each read, `{ from, to }` in microseconds of the machine's monotonic clock,
with the `profiles`, or the `error`, where they differ from those of the read before.
"""

import json
import os
import sys
import threading
import time

from botocore.configloader import raw_config_parse
from botocore.exceptions import BotoCoreError


def now():
    return time.monotonic_ns() // 1000


def read(file):
    try:
        return {"profiles": raw_config_parse(file)}
    except BotoCoreError as error:
        return {"error": str(error)}


# In the time that the others leave: they are to race, and it only has to look often.
os.nice(10)
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()

before = None
while not over.is_set():
    start = now()
    found = read(sys.argv[1])
    times = {"from": start, "to": now()}
    print(json.dumps(times if found == before else {**times, **found}))
    before = found
