import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { built } from '../built.ts';

const REQUEST = {
  profile: 'mfa',
  serialNumber: 'arn:aws:iam::123456789012:mfa/alice',
  now: Date.parse('2030-01-31T14:20:00Z'),
  expiration: Date.parse('2030-01-31T14:35:00Z'),
  reminder: 0,
};

/** A program that asks on the terminal once, and then ends by itself; SIGUSR1 withdraws the question. */
const program = (standardInput: boolean, prologue = '') => `
  ${prologue}
  import { terminal } from '${built('ask/terminal.ts')}';
  const controller = new AbortController();
  process.once('SIGUSR1', () => controller.abort());
  const answer = await terminal(${standardInput}).ask(${JSON.stringify(REQUEST)}, { signal: controller.signal, onChange() {} });
  console.log('answer', JSON.stringify(answer));
`;

const node = (code: string) => [process.execPath, '--input-type=module', '-e', code];
const quoted = (words: string[]) => words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');

interface Session {
  /** Resolves with everything written so far once it matches. */
  says(pattern: RegExp): Promise<string>;
  type(text: string): void;
  /** Everything that was written, when the program has ended. */
  ended: Promise<string>;
}

/** Runs a line of shell on a terminal of its own. */
function onTerminal(line: string): Session {
  return watch(spawn('script', ['-qec', line, '/dev/null'], { env: { ...process.env, TZ: 'UTC', SHELL: '/bin/sh' } }));
}

function watch(child: ReturnType<typeof spawn>): Session {
  let written = '';
  const looks = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      written += chunk.toString();
      for (const look of looks) look();
    });
  }
  const ended = new Promise<string>((resolve) => child.once('close', () => resolve(written)));
  return {
    ended,
    type: (text) => void child.stdin?.write(text),
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => pattern.test(written) && resolve(written);
        looks.add(look);
        look();
        void ended.then(() => reject(new Error(`ended without ${pattern}: ${written}`)));
      }),
  };
}

const QUESTION = /MFA code of alice in account 123456789012: /;

describe.skipIf(process.platform !== 'linux')('the terminal', () => {
  it('says what ends when, and takes the code', async () => {
    const session = onTerminal(quoted(node(program(false))));
    expect(await session.says(QUESTION)).toContain('AWS session [mfa] ends in 15m, at 14:35.');
    session.type('123 456\r');
    expect(await session.ended).toContain('answer {"kind":"code","code":"123456"}');
  });

  it('keeps the question out of standard output', async () => {
    const session = onTerminal(`${quoted(node(program(false)))} | sed 's/^/out: /'`);
    await session.says(QUESTION);
    session.type('123456\r');
    const written = await session.ended;
    expect(written).toContain('out: answer');
    expect(written).not.toContain('out: AWS');
    expect(written).not.toContain('out: MFA');
  });

  it('says what was wrong before it asks again', async () => {
    const session = onTerminal(quoted(node(program(false))));
    await session.says(QUESTION);
    session.type('abc\r');
    await session.says(
      /That was not a code: a code is six digits\.\s[\s\S]*MFA code of alice in account 123456789012: /,
    );
    session.type('123456\r');
    expect(await session.ended).toContain('"code":"123456"');
  });

  it.each([
    ['Ctrl-C', '\x03'],
    ['Ctrl-D', '\x04'],
  ])('is dismissed by %s', async (_, key) => {
    const session = onTerminal(quoted(node(program(false))));
    await session.says(QUESTION);
    session.type(key);
    expect(await session.ended).toContain('answer {"kind":"dismissed"}');
  });

  it('lets Ctrl-C mean what it always does to a program that waits for it', async () => {
    const waits = `
      const waiting = setInterval(() => {}, 60_000);
      process.once('SIGINT', () => { console.log('stops'); clearInterval(waiting); });`;
    const session = onTerminal(quoted(node(program(false, waits))));
    await session.says(QUESTION);
    session.type('\x03');
    expect(await session.ended).toContain('stops');
  });

  it('lets go of the terminal when the question is withdrawn', async () => {
    const session = onTerminal(quoted(node(program(false, `console.log('pid ' + process.pid);`))));
    const [, pid] = /pid (\d+)/.exec(await session.says(QUESTION)) ?? [];
    process.kill(Number(pid), 'SIGUSR1');
    const written = await session.ended;
    expect(written).toContain('\r\x1b[K');
    expect(written).toContain('answer {"kind":"dismissed"}');
  });

  it('is asked on /dev/tty when standard input is something else', async () => {
    const session = onTerminal(`echo 666666 | ${quoted(node(program(false)))}`);
    await session.says(QUESTION);
    session.type('123456\r');
    expect(await session.ended).toContain('"code":"123456"');
  });

  it('is left alone by a background job, which would be stopped', async () => {
    const session = onTerminal(`bash -c ${quoted([`set -m; ${quoted(node(program(false)))} & wait`])}`);
    expect(await session.ended).toContain('{"kind":"unavailable","reason":"in the background of its terminal"}');
  });

  it('is unavailable where there is none', async () => {
    const [command = '', ...words] = node(program(false));
    const session = watch(spawn(command, words, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] }));
    expect(await session.ended).toContain('{"kind":"unavailable","reason":"not run in a terminal"}');
  });

  it('reads standard input when told to, line by line, whatever it is', async () => {
    const [command = '', ...words] = node(program(true));
    const child = spawn(command, words, { detached: true, env: { ...process.env, TZ: 'UTC' } });
    child.stdin.end('12\n123456\nleft\n');
    const written = await watch(child).ended;
    expect(written).toContain('That was not a code');
    expect(written).toContain('answer {"kind":"code","code":"123456"}');
  });

  it('is dismissed at the end of standard input, and takes a last line without an end', async () => {
    for (const [input, answer] of [
      ['', '{"kind":"dismissed"}'],
      ['123456', '{"kind":"code","code":"123456"}'],
    ] as const) {
      const [command = '', ...words] = node(program(true));
      const child = spawn(command, words, { detached: true });
      child.stdin.end(input);
      expect(await watch(child).ended).toContain(`answer ${answer}`);
    }
  });

  it('lets go of standard input when the question is withdrawn', async () => {
    const [command = '', ...words] = node(program(true));
    const child = spawn(command, words, { detached: true });
    const session = watch(child);
    await session.says(QUESTION);
    child.kill('SIGUSR1');
    expect(await session.ended).toContain('answer {"kind":"dismissed"}');
  });
});
