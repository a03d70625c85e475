import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { needs } from '../needs.ts';
import { PROGRAM, start } from '../program.ts';
import { onTerminal as terminal } from '../terminal.ts';
import { holds } from '../within.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'aws-mfa-agent-test-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** A user with AWS keys and a proxy, which the demo must not use. */
interface Onlooker {
  env: NodeJS.ProcessEnv;
  /** What the demo has put into the person's folders. */
  traces(): Promise<string[]>;
  /** The demo's home folder while it runs. */
  demoHome(): Promise<string>;
}

async function onlooker(): Promise<Onlooker> {
  const own = await mkdtemp(join(root, 'own-'));
  const [home, temporary] = [join(own, 'home'), join(own, 'tmp')];
  for (const folder of [home, temporary]) await mkdir(folder);
  return {
    env: {
      PATH: process.env.PATH,
      HOME: home,
      TMPDIR: temporary,
      NO_COLOR: '1',
      TERM: 'xterm',
      AWS_ACCESS_KEY_ID: 'ASIAOTHEROTHEROTHERO',
      AWS_SECRET_ACCESS_KEY: 'stale',
      AWS_SESSION_TOKEN: 'stale',
      AWS_PROFILE: 'nobody',
      AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
      HTTP_PROXY: 'http://127.0.0.1:9',
    },
    traces: async () => [...(await readdir(home)), ...(await readdir(temporary))],
    demoHome: async () => join(temporary, (await readdir(temporary))[0] ?? ''),
  };
}

/** The processes that a process has started. */
function childrenOf(pid: number | undefined): number[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const pairs = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return pairs.flatMap(([child, parent]) => (child !== undefined && parent === pid ? [child] : []));
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** How long a demo may take, in milliseconds: it waits for a session to run out. */
const LONGEST_DEMO = 40_000;

/** The demo on a terminal of its own. */
function onTerminal(env: NodeJS.ProcessEnv) {
  const session = terminal(`stty rows 50 cols 100 && exec ${process.execPath} ${PROGRAM} demo`, env);
  let from = 0;
  return {
    output: session.output,
    types: (text: string) => session.child.stdin?.write(text),
    /** As a person closes its window. */
    close: () => session.child.kill('SIGKILL'),
    ended: async () => (await session.endsWithin(LONGEST_DEMO)).status,
    /** Resolves as soon as the pattern matches what was written after the last match. */
    says: async (pattern: RegExp) => {
      const rest = () => session.output().slice(from);
      const find = { test: () => pattern.test(rest()), toString: () => String(pattern) };
      await session.says(find, LONGEST_DEMO);
      const found = pattern.exec(rest());
      from += found ? found.index + found[0].length : 0;
    },
  };
}

const QUESTION = /MFA code of alice in account 123456789012: /;

// Most of their time is waiting for a session to run out.
describe.concurrent('the demo', () => {
  it('demo --auto shows every step, prints no secret, and leaves nothing behind', async () => {
    const { env, traces, demoHome } = await onlooker();
    const running = start(['demo', '--auto'], env);
    await running.says(/is fresh/);
    const home = await demoHome();
    expect((await stat(home)).mode & 0o777).toBe(0o700);
    const file = parseCredentials(await readFile(join(home, '.aws', 'credentials')));
    const secrets = file
      .profileNames()
      .flatMap((name) => [...(file.profile(name)?.values ?? [])])
      .filter(([key]) => /^aws_/.test(key))
      .map(([, value]) => value);
    expect(secrets).toHaveLength(7);

    const { status, stdout, stderr } = await running.endsWithin(LONGEST_DEMO);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(
      /is fresh.*is due.*asks for the code.*AWS refused that code.*byte by byte.*GetCallerIdentity.*user\/alice.*A role: .*assumed-role\/admin\/alice.*Done/s,
    );
    for (const secret of secrets) expect(stdout).not.toContain(secret);
    // Also those of the new session, which only the demo has.
    expect(stdout).not.toMatch(/[A-Za-z0-9+/]{40}|(AKIA|ASIA)\w{16}/);
    expect(stdout).not.toContain('\x1b');
    expect(await traces()).toEqual([]);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'the demo ends by %s, and so does its agent; nothing is left behind',
    needs('ps'),
    async (signal) => {
      const { env, traces } = await onlooker();
      const running = start(['demo', '--auto'], env);
      await running.says(/is fresh/);
      const agents = childrenOf(running.child.pid);
      expect(agents).toHaveLength(1);
      expect(await traces()).toHaveLength(1);
      running.child.kill(signal);
      await running.endsWithin(LONGEST_DEMO);
      expect(running.child.signalCode).toBe(signal);
      await holds(() => expect(agents.filter(isRunning)).toEqual([]));
      expect(await traces()).toEqual([]);
    },
  );

  it('the demo exits when standard output is closed', needs('ps'), async () => {
    const { env, traces } = await onlooker();
    const running = start(['demo', '--auto'], env);
    await running.says(/is fresh/);
    const agents = childrenOf(running.child.pid);
    running.child.stdout?.destroy();
    expect((await running.endsWithin(LONGEST_DEMO)).status).not.toBe(0);
    await holds(() => expect(agents.filter(isRunning)).toEqual([]));
    expect(await traces()).toEqual([]);
  });

  it('the demo reads codes line by line without a terminal, and ends after the last', async () => {
    const { env, traces } = await onlooker();
    const { status, stdout, stderr } = await start(['demo'], env, '000000\n12 34\n').endsWithin(LONGEST_DEMO);
    expect(status).toBe(1);
    expect(stdout).toMatch(/: 000000\n.*AWS refused that code.*: 12 34\n.*A code has six digits/s);
    expect(stderr).toMatch(/^aws-mfa-agent: no code: .*\n$/);
    expect(await traces()).toEqual([]);
  });

  it('the demo asks on a terminal again after a wrong code, until the right one', needs('script'), async () => {
    const { env, traces } = await onlooker();
    const person = onTerminal(env);
    await person.says(QUESTION);
    person.types('000000\r');
    await person.says(/AWS refused that code/);
    await person.says(QUESTION);
    const code = [...person.output().matchAll(/Authenticator: (\d{3} \d{3})/g)].at(-1)?.[1];
    person.types(`${code}\r`);
    await person.says(/compared byte by byte/);
    await person.says(/Done/);
    expect(await person.ended()).toBe(0);
    expect(await traces()).toEqual([]);
  });

  it('the demo ends by Ctrl-C while a code is being typed', needs('script'), async () => {
    const { env, traces } = await onlooker();
    const person = onTerminal(env);
    await person.says(QUESTION);
    person.types('12\x03');
    expect(await person.ended()).toBe(130);
    expect(person.output()).toContain('the temporary folder was removed');
    expect(await traces()).toEqual([]);
  });

  it('the demo ends when its terminal is closed', needs('script'), async ({ expect }) => {
    const { env, traces } = await onlooker();
    const person = onTerminal(env);
    await person.says(QUESTION);
    person.close();
    await holds(async () => expect(await traces()).toEqual([]), 20_000);
  });
});
