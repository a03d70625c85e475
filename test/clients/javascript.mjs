// Calls STS again and again with one client of the SDK for JavaScript, and writes the access key id that it has used.
import { setTimeout as delay } from 'node:timers/promises';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';

const client = new STSClient({});
for (;;) {
  await client.send(new GetCallerIdentityCommand({}));
  process.stdout.write(`used ${(await client.config.credentials()).accessKeyId}\n`);
  await delay(200);
}
