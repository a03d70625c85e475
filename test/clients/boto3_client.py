"""Calls STS again and again with one boto3 client, and writes the access key id that it has used."""

import sys
import time

import boto3

session = boto3.Session()
client = session.client('sts')
while True:
    client.get_caller_identity()
    print('used', session.get_credentials().get_frozen_credentials().access_key, flush=True)
    time.sleep(0.2)
