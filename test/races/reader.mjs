/**
 * Parses a credentials file without pause, by the SDK for JavaScript's own loader, until its standard input is closed.
 *
 * Argument: the file. Output: a line of JSON for each read, `{ from, to }` in microseconds of the machine's monotonic clock,
 * with the `profiles` where they differ from those of the read before.
 */
import { setPriority } from 'node:os';
import { parseKnownFiles } from '@smithy/shared-ini-file-loader';

const [file = ''] = process.argv.slice(2);
const time = () => Number(process.hrtime.bigint() / 1000n);

// In the time that the others leave: they are to race, and it only has to look often.
setPriority(10);
let isOver = false;
process.stdin.on('end', () => {
  isOver = true;
});
process.stdin.resume();

let before;
while (!isOver) {
  const from = time();
  const profiles = await parseKnownFiles({ filepath: file, configFilepath: '/dev/null', ignoreCache: true });
  const to = time();
  const seen = JSON.stringify(profiles);
  process.stdout.write(`${JSON.stringify(seen === before ? { from, to } : { from, to, profiles })}\n`);
  before = seen;
}
