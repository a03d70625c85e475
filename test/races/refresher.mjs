/**
 * One process that refreshes one profile again and again, by the built program's own code.
 *
 * Arguments: the built module of `refresh/effects.ts`, the folder of the credentials file, the profile. Standard input: the
 * sessions, as JSON. Output: when which of them came into the file, `[{ version, compared, renamed }]`, in microseconds of
 * the machine's monotonic clock.
 *
 * Between `compared`, when it opens the file to see whether it was changed meanwhile, and `renamed`, it cannot see a change by
 * a program that takes no lock. So node:fs is wrapped: its functions do the same, and note the times.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';

const [effects = '', folder = '', profile = ''] = process.argv.slice(2);
const credentials = join(folder, 'credentials');
const time = () => Number(process.hrtime.bigint() / 1000n);

const changes = [];
let version = 0;
let compared;
const { openSync, renameSync } = fs;
const { open } = fs.promises;
fs.openSync = (path, ...rest) => {
  if (path === credentials) compared = time();
  return openSync(path, ...rest);
};
fs.promises.open = (path, ...rest) => {
  // Its temporary file: a look from before that is not the last one.
  if (path !== credentials) compared = undefined;
  return open(path, ...rest);
};
fs.renameSync = (from, to) => {
  const last = compared ?? time();
  renameSync(from, to);
  if (to === credentials) changes.push({ version, compared: last, renamed: time() });
};
syncBuiltinESMExports();

const { saveSession } = await import(effects);
const files = { credentials, config: join(folder, 'config'), state: join(folder, 'state') };
for (const session of await json(process.stdin)) {
  version += 1;
  await saveSession(files, profile, session);
}
process.stdout.write(JSON.stringify(changes));
