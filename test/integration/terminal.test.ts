import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { built } from '../built.ts';
import { needs } from '../needs.ts';
import { follow, type Running } from '../program.ts';
import { quoted, onTerminal as terminal } from '../terminal.ts';

const REQUEST = {
  profile: 'mfa',
  serialNumber: 'arn:aws:iam::123456789012:mfa/alice',
  now: Date.parse('2030-01-31T14:20:00Z'),
  expiration: Date.parse('2030-01-31T14:35:00Z'),
  reminder: 0,
  snooze: { until: Date.parse('2030-01-31T14:27:00Z'), label: 'Snooze until 14:27' },
};

/** The same when the session has ended. */
const REMINDER = { ...REQUEST, now: REQUEST.expiration, reminder: 1 };

/** A program that asks on the terminal once, and then ends by itself. SIGUSR1 closes the prompt, SIGUSR2 reminds. */
const program = (standardInput: boolean, prologue = '') => `
  ${prologue}
  import { terminal } from '${built('ask/terminal.ts')}';
  const controller = new AbortController();
  process.once('SIGUSR1', () => controller.abort());
  const onChange = (listener) => process.on('SIGUSR2', () => listener(${JSON.stringify(REMINDER)}));
  const answer = await terminal(${standardInput}).ask(${JSON.stringify(REQUEST)}, { signal: controller.signal, onChange });
  console.log('answer', JSON.stringify(answer));
`;

/** A program that asks for the devices of Alice and Bob at once. SIGUSR1 closes Alice's prompt, SIGUSR2 reminds of Bob's. */
const forTwo = `
  import { terminal } from '${built('ask/terminal.ts')}';
  const alice = new AbortController();
  process.once('SIGUSR1', () => alice.abort());
  const ask = async (profile, signal, onChange) => {
    const device = { profile, serialNumber: 'arn:aws:iam::123456789012:mfa/' + profile };
    const remind = () => ({ ...${JSON.stringify(REMINDER)}, ...device });
    let settle;
    const outcome = new Promise((resolve) => { settle = resolve; });
    const asking = { signal, onChange: (listener) => onChange(() => listener(remind())), outcome };
    const answer = await terminal(!process.stdin.isTTY).ask({ ...${JSON.stringify(REQUEST)}, ...device }, asking);
    console.log('answer', profile, JSON.stringify(answer));
    setImmediate(() => { console.log('AWS answers', profile); settle(); });
  };
  await Promise.all([
    ask('alice', alice.signal, () => {}),
    ask('bob', new AbortController().signal, (listener) => process.on('SIGUSR2', listener)),
  ]);
`;

const node = (code: string) => [process.execPath, '--input-type=module', '-e', code];
/** Runs a line of shell on a terminal of its own. */
const onTerminal = (line: string) => terminal(line, { ...process.env, TZ: 'UTC' });
/** Everything that it writes until it has ended. */
async function writtenBy(session: Running): Promise<string> {
  await session.ended;
  return session.output();
}

const QUESTION = /MFA code of alice in account 123456789012: /;

describe('the terminal', needs('Linux', 'script'), () => {
  it('the terminal shows what ends when, and reads the code', async () => {
    const session = onTerminal(quoted(node(program(false))));
    await session.says(QUESTION);
    expect(session.output()).toContain('AWS session [mfa] ends at 14:35.');
    session.child.stdin?.write('123 456\r');
    expect(await writtenBy(session)).toContain('answer {"kind":"code","code":"123456"}');
  });

  it('the terminal keeps the prompt out of standard output', async () => {
    const session = onTerminal(`${quoted(node(program(false)))} | sed 's/^/out: /'`);
    await session.says(QUESTION);
    session.child.stdin?.write('123456\r');
    const written = await writtenBy(session);
    expect(written).toContain('out: answer');
    expect(written).not.toContain('out: AWS');
    expect(written).not.toContain('out: MFA');
  });

  it('the terminal shows what was wrong before it asks again', async () => {
    const session = onTerminal(quoted(node(program(false))));
    await session.says(QUESTION);
    session.child.stdin?.write('abc\r');
    await session.says(/A code has six digits\. Try again\.\s[\s\S]*MFA code of alice in account 123456789012: /);
    session.child.stdin?.write('123456\r');
    expect(await writtenBy(session)).toContain('"code":"123456"');
  });

  it.each([
    ['Ctrl-C', '\x03'],
    ['Ctrl-D', '\x04'],
  ])('the terminal is dismissed by %s', async (_, key) => {
    const session = onTerminal(quoted(node(program(false))));
    await session.says(QUESTION);
    session.child.stdin?.write(key);
    expect(await writtenBy(session)).toContain('answer {"kind":"dismissed"}');
  });

  it('the terminal leaves Ctrl-C to a program that handles it', async () => {
    const waits = `
      const waiting = setInterval(() => {}, 60_000);
      process.once('SIGINT', () => { console.log('stops'); clearInterval(waiting); });`;
    const session = onTerminal(quoted(node(program(false, waits))));
    await session.says(QUESTION);
    session.child.stdin?.write('\x03');
    expect(await writtenBy(session)).toContain('stops');
  });

  it('the terminal is released when the prompt is closed', async () => {
    const session = onTerminal(quoted(node(program(false, `console.log('pid ' + process.pid);`))));
    await session.says(QUESTION);
    const [, pid] = /pid (\d+)/.exec(session.output()) ?? [];
    process.kill(Number(pid), 'SIGUSR1');
    const written = await writtenBy(session);
    expect(written).toContain('\r\x1b[K');
    expect(written).toContain('answer {"kind":"dismissed"}');
  });

  it('the terminal repeats the prompt with a new title at a reminder, and keeps what was typed', async () => {
    const session = onTerminal(quoted(node(program(false, `console.log('pid ' + process.pid);`))));
    await session.says(QUESTION);
    session.child.stdin?.write('123');
    await session.says(/: .*123/s);
    process.kill(Number(/pid (\d+)/.exec(session.output())?.[1]), 'SIGUSR2');
    await session.says(/AWS session \[mfa\] ended at 14:35\.\r\n.*MFA code of alice in account 123456789012: 123/s);
    session.child.stdin?.write('456\r');
    expect(await writtenBy(session)).toContain('answer {"kind":"code","code":"123456"}');
  });

  it('the terminal repeats the prompt at a reminder when standard input is a pipe', async () => {
    const [command = '', ...words] = node(program(true));
    const child = spawn(command, words, { detached: true, env: { ...process.env, TZ: 'UTC' } });
    const session = follow(child);
    await session.says(QUESTION);
    child.kill('SIGUSR2');
    await session.says(/\nAWS session \[mfa\] ended at 14:35\.\nMFA code of alice in account 123456789012: /);
    child.stdin.end('123456\n');
    expect(await writtenBy(session)).toContain('answer {"kind":"code","code":"123456"}');
  });

  it('the terminal asks for one device after another, and each code goes to one', async () => {
    const session = onTerminal(quoted(node(forTwo)));
    await session.says(QUESTION);
    session.child.stdin?.write('123456\r');
    await session.says(/MFA code of bob in account 123456789012: /);
    session.child.stdin?.write('654321\r');
    expect((await writtenBy(session)).match(/answer .*\}|AWS answers \w+|MFA code of \w+/g)).toEqual([
      'MFA code of alice',
      'answer alice {"kind":"code","code":"123456"}',
      'AWS answers alice',
      'MFA code of bob',
      'answer bob {"kind":"code","code":"654321"}',
      'AWS answers bob',
    ]);
  });

  it('the terminal asks for the next device when a prompt is closed, and reminds of a device that waits', async () => {
    const [command = '', ...words] = node(forTwo);
    const child = spawn(command, words, { detached: true, env: { ...process.env, TZ: 'UTC' } });
    const session = follow(child);
    await session.says(QUESTION);
    child.kill('SIGUSR2');
    await session.says(/\nAWS session \[bob\] ended at 14:35\.\nMFA code of alice in account 123456789012: $/);
    child.kill('SIGUSR1');
    await session.says(/answer alice \{"kind":"dismissed"\}[\s\S]*MFA code of bob in account 123456789012: $/);
    child.stdin.end('654321\n');
    expect(await writtenBy(session)).toContain('answer bob {"kind":"code","code":"654321"}');
  });

  it('the terminal is /dev/tty when standard input is something else', async () => {
    const session = onTerminal(`echo 666666 | ${quoted(node(program(false)))}`);
    await session.says(QUESTION);
    session.child.stdin?.write('123456\r');
    expect(await writtenBy(session)).toContain('"code":"123456"');
  });

  it('the terminal is /dev/tty when standard error is something else', async () => {
    const session = onTerminal(`${quoted(node(program(false)))} 2>&1 >/dev/null | sed 's/^/log: /'; echo end`);
    await session.says(QUESTION);
    session.child.stdin?.write('123456\r');
    const written = await writtenBy(session);
    expect(written).toContain('end');
    expect(written).not.toContain('log:');
  });

  it('the terminal is not used by a background job, which would be stopped', async () => {
    const session = onTerminal(`bash -c ${quoted([`set -m; ${quoted(node(program(false)))} & wait`])}`);
    expect(await writtenBy(session)).toContain('{"kind":"unavailable","reason":"running in the background"}');
  });

  it('the terminal is unavailable when there is none', async () => {
    const [command = '', ...words] = node(program(false));
    const session = follow(spawn(command, words, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] }));
    expect(await writtenBy(session)).toContain('{"kind":"unavailable","reason":"not run in a terminal"}');
  });

  it('the terminal reads standard input line by line when told to, of any kind', async () => {
    const [command = '', ...words] = node(program(true));
    const child = spawn(command, words, { detached: true, env: { ...process.env, TZ: 'UTC' } });
    child.stdin.end('12\n123456\nleft\n');
    const written = await writtenBy(follow(child));
    expect(written).toContain('A code has six digits');
    expect(written).toContain('answer {"kind":"code","code":"123456"}');
  });

  it('the terminal is unavailable at the end of standard input, and reads a last line without an end', async () => {
    for (const [input, answer] of [
      ['', '{"kind":"unavailable","reason":"not run in a terminal"}'],
      ['123456', '{"kind":"code","code":"123456"}'],
    ] as const) {
      const [command = '', ...words] = node(program(true));
      const child = spawn(command, words, { detached: true });
      child.stdin.end(input);
      expect(await writtenBy(follow(child))).toContain(`answer ${answer}`);
    }
  });

  it('the terminal releases standard input when the prompt is closed', async () => {
    const [command = '', ...words] = node(program(true));
    const child = spawn(command, words, { detached: true });
    const session = follow(child);
    await session.says(QUESTION);
    child.kill('SIGUSR1');
    expect(await writtenBy(session)).toContain('answer {"kind":"dismissed"}');
  });
});
