/**
 * Sets one key of one profile again and again in the way of `aws configure set`: takes no lock, reads the whole file,
 * truncates it and writes it again. For machines without the AWS CLI, and to race it harder than the AWS CLI can run.
 *
 * Arguments: the file, the profile, the key. Standard input: a line for each value to set, until it is closed. Output: when
 * it did so, a line of JSON for each, `{ read, opening, opened, closed }`, in microseconds of the machine's monotonic clock.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [file = '', profile = '', key = ''] = process.argv.slice(2);
const time = () => Number(process.hrtime.bigint() / 1000n);

for await (const value of createInterface({ input: process.stdin })) {
  const read = time();
  const lines = readFileSync(file, 'utf8').split(/(?<=\n)/);
  const header = lines.indexOf(`[${profile}]\n`);
  const at = lines.findIndex((line, index) => index > header && line.startsWith(`${key} =`));
  if (header >= 0 && at >= 0) lines[at] = `${key} = ${value}\n`;
  const opening = time();
  const descriptor = openSync(file, 'w');
  const opened = time();
  writeSync(descriptor, lines.join(''));
  closeSync(descriptor);
  process.stdout.write(`${JSON.stringify({ read, opening, opened, closed: time() })}\n`);
}
