/**
 * Changes a credentials file, once, by the built program's own code: the program that crash.test.ts runs under strace, and stops
 * at every system call. Prints what goes wrong as the program does.
 *
 *     node rewrite.mjs MODULES FUNCTION FILE ARGUMENTS
 *
 * FUNCTION of MODULES gets the file's bytes and the ARGUMENTS, a list as JSON, and returns the new bytes. MODULES also has what
 * `files/replace.ts` exports.
 */
import crypto from 'node:crypto';
import { mkdir, open, stat } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { dirname } from 'node:path';

const [modules, name, file, values] = process.argv.slice(2);
const { [name]: change, changeCredentials } = await import(modules);

// strace follows paths, so that of the temporary file must be known before: its name is of the process id and of chance.
Object.defineProperty(process, 'pid', { value: 1 });
crypto.randomBytes = (size) => Buffer.alloc(size);
syncBuiltinESMExports();

// strace counts the calls of each thread apart, and fails or kills the first thread that comes to a number. So the one in
// the background gets far ahead, to numbers that the main thread never comes to.
for (let turn = 0; turn < 30; turn++) {
  await mkdir(dirname(file), { recursive: true });
  await stat(dirname(file));
  await (await open(dirname(file))).close();
}

try {
  await changeCredentials(file, (bytes) => change(bytes, ...JSON.parse(values)));
} catch (error) {
  process.stderr.write(`aws-mfa-agent: ${error.message}\n`);
  process.exitCode = 1;
}
