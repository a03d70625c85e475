import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { needs } from '../needs.ts';
import { PROGRAM, run } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';

const LOADED = fileURLToPath(new URL('../loaded.cjs', import.meta.url));
const COMMANDS = ['status', 'env', 'credential-process'];

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
  const folder = join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.ini'), 'prompt_before = 15m\n[mfa]\nmfa_serial = GAHT12345678\n');
  await sandbox.put(sandbox.sts.issue('alice', 43_200));
});
afterAll(() => sandbox.close());

/** What `--help` says of the commands and their options: what has loaded the parser of the command line has loaded it. */
const DESCRIPTIONS = createProgram().commands.flatMap((command) => [
  command.description(),
  ...command.options.map(({ description }) => description),
]);

/** Runs the program, and returns what it has loaded. */
async function loadedBy(words: string[], stdout: string | RegExp) {
  const ended = await run(words, { ...sandbox.env, NODE_OPTIONS: `--require ${LOADED}` });
  expect(ended).toMatchObject({ status: 0, stdout: expect.stringMatching(stdout) });
  const { files, builtins } = JSON.parse(ended.stderr) as { files: string[]; builtins: string[] };
  const texts = files.map((file) => readFileSync(file, 'utf8')).join('');
  return {
    files,
    builtins,
    descriptions: DESCRIPTIONS.filter((text) => text !== '' && texts.includes(JSON.stringify(text))),
  };
}

it('the parser of the command line is noticed when it is loaded', async () => {
  expect((await loadedBy(['--help'], /status/)).descriptions.length).toBeGreaterThan(DESCRIPTIONS.length / 2);
});

describe.each(COMMANDS)('%s with a fresh session', (command) => {
  it.each([[[command]], [[command, 'mfa']]])(
    '%j loads at most three files of ours, no parser of the command line, and no module of Node.js for output',
    async (words) => {
      const { files, builtins, descriptions } = await loadedBy(words, /./);
      expect(files.length).toBeLessThanOrEqual(3);
      expect(files.filter((file) => file.includes('node_modules'))).toEqual([]);
      expect(descriptions).toEqual([]);
      expect(builtins.filter((name) => /stream|net|tty|http|crypto|child_process/.test(name))).toEqual([]);
    },
  );

  it.skipIf(!existsSync('/dev/full'))(`${command} says so when its output cannot be written`, () => {
    const full = openSync('/dev/full', 'w');
    const wrong = () =>
      execFileSync(process.execPath, [PROGRAM, command], { env: sandbox.env, stdio: ['ignore', full, 'pipe'] });
    expect(wrong).toThrow(
      expect.objectContaining({
        status: 1,
        stderr: Buffer.from(
          'aws-mfa-agent: cannot write standard output: the disk is full; free some space (ENOSPC)\n',
        ),
      }),
    );
    closeSync(full);
  });

  it(
    `${command} writes all output to a slow reader, also when another program has made the pipe non-blocking`,
    needs('python3'),
    async () => {
      // Python would choose such a place for its children, and not for itself.
      const env = { ...sandbox.env, LC_ALL: 'C.UTF-8' };
      const { stdout } = await run([command], env);
      const slow = execFileSync('python3', ['-c', SLOW_READER, process.execPath, PROGRAM, command], { env });
      // What may have changed between the two is the time left.
      const timeless = (text: string) => text.replace(/\d+h \d+m/, '');
      expect(timeless(slow.toString())).toBe(timeless(stdout));
    },
  );

  it(`${command} says nothing when its reader is gone`, async () => {
    const script = `exec 3>&1; { "$0" "$@"; echo "$?" >&3; } | true`;
    const status = execFileSync('sh', ['-c', script, process.execPath, PROGRAM, command], { env: sandbox.env });
    expect(status.toString()).toBe('0\n');
  });
});

it.each([[['exec', '--', 'true']], [['exec', 'mfa', '--', 'echo', '--', 'x']]])(
  'a command with a fresh session is started by at most three files of ours, without the parser of the command line: %j',
  async (words) => {
    const { files, descriptions } = await loadedBy(words, words.length > 3 ? /^-- x\n$/ : /^$/);
    expect(files.length).toBeLessThanOrEqual(3);
    expect(files.filter((file) => file.includes('node_modules'))).toEqual([]);
    expect(descriptions).toEqual([]);
  },
);

const SLOW_READER = `
import fcntl, os, subprocess, sys, time
reading, writing = os.pipe()
fcntl.fcntl(writing, fcntl.F_SETFL, os.O_NONBLOCK)
filled = 0
try:
    while True: filled += os.write(writing, b' ' * 64)
except BlockingIOError: pass
program = subprocess.Popen(sys.argv[1:], stdout=writing)
os.close(writing)
time.sleep(1)
written = b''
while chunk := os.read(reading, 65536): written += chunk
os.write(1, written[filled:])
sys.exit(program.wait())
`;
