"""What botocore reads in credentials files: a line of JSON for each line of standard input, a list of files in base64.

A file is answered with its profiles as botocore's own provider gets them, or, where botocore gives it up, with the reason.
"""

import base64
import json
import os
import sys
import tempfile

from botocore.configloader import raw_config_parse
from botocore.exceptions import ConfigParseError

memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
path = tempfile.NamedTemporaryFile(dir=memory).name


def read(text):
    with open(path, "wb") as file:
        file.write(base64.b64decode(text))
    try:
        return raw_config_parse(path)
    except ConfigParseError as error:
        return type(error.kwargs["error"]).__name__


try:
    for line in sys.stdin:
        print(json.dumps([read(text) for text in json.loads(line)]), flush=True)
finally:
    if os.path.exists(path):
        os.remove(path)
