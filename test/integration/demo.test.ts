import { spawn, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { PROGRAM, start } from '../program.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'aws-mfa-agent-test-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Somebody who has AWS keys, a proxy and no wish to have either touched. */
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

/** A program on a terminal of its own, as `script` of util-linux makes one. */
function onTerminal(command: string, env: NodeJS.ProcessEnv) {
  const child = spawn('script', ['-qec', `stty rows 50 cols 100 && exec ${command}`, '/dev/null'], { env });
  let output = '';
  const looks = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    for (const look of looks) look();
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return {
    output: () => output,
    types: (text: string) => child.stdin.write(text),
    /** As a person closes its window. */
    close: () => child.kill('SIGKILL'),
    ended,
    /** Resolves as soon as the pattern stands in what was written after the last time that this was called. */
    says: (() => {
      let from = 0;
      return (pattern: RegExp) =>
        new Promise<void>((resolve, reject) => {
          const look = () => {
            const found = pattern.exec(output.slice(from));
            if (!found) return;
            from += found.index + found[0].length;
            looks.delete(look);
            resolve();
          };
          looks.add(look);
          look();
          void ended.then(() => reject(new Error(`it ended without saying ${pattern}:\n${output}`)));
        });
    })(),
  };
}

const hasTerminals = /util-linux/.test(spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout ?? '');
const QUESTION = /MFA code of alice in account 123456789012: /;

// Most of their time is waiting for a session to run out.
describe.concurrent('demo', () => {
  it('--auto shows every step, keeps every secret to itself, and leaves nothing behind', async () => {
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

    const { status, stdout, stderr } = await running.ended;
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(
      /is fresh.*is due.*asks for the code.*AWS refused that code.*byte by byte.*GetCallerIdentity.*user\/alice.*Done/s,
    );
    for (const secret of secrets) expect(stdout).not.toContain(secret);
    // The new session's, too, which nobody but the demo has seen.
    expect(stdout).not.toMatch(/[A-Za-z0-9+/]{40}|(AKIA|ASIA)\w{16}/);
    expect(stdout).not.toContain('\x1b');
    expect(await traces()).toEqual([]);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'ends by %s, and so does the agent; nothing is left behind',
    async (signal) => {
      const { env, traces } = await onlooker();
      const running = start(['demo', '--auto'], env);
      await running.says(/is fresh/);
      const agents = childrenOf(running.child.pid);
      expect(agents).toHaveLength(1);
      expect(await traces()).toHaveLength(1);
      running.child.kill(signal);
      await running.ended;
      expect(running.child.signalCode).toBe(signal);
      expect(agents.filter(isRunning)).toEqual([]);
      expect(await traces()).toEqual([]);
    },
  );

  it('ends when nobody reads what it shows any more', async () => {
    const { env, traces } = await onlooker();
    const running = start(['demo', '--auto'], env);
    await running.says(/is fresh/);
    const agents = childrenOf(running.child.pid);
    running.child.stdout?.destroy();
    expect((await running.ended).status).not.toBe(0);
    expect(agents.filter(isRunning)).toEqual([]);
    expect(await traces()).toEqual([]);
  });

  it('takes codes line by line where there is no terminal, and ends when there are no more', async () => {
    const { env, traces } = await onlooker();
    const { status, stdout, stderr } = await start(['demo'], env, '000000\n12 34\n').ended;
    expect(status).toBe(1);
    expect(stdout).toMatch(/: 000000\n.*AWS refused that code.*: 12 34\n.*a code is six digits/s);
    expect(stderr).toMatch(/^aws-mfa-agent: no code: .*\n$/);
    expect(await traces()).toEqual([]);
  });

  it.skipIf(!hasTerminals)('asks a person at a terminal, again after a wrong code, until the right one', async () => {
    const { env, traces } = await onlooker();
    const terminal = onTerminal(`${process.execPath} ${PROGRAM} demo`, env);
    await terminal.says(QUESTION);
    terminal.types('000000\r');
    await terminal.says(/AWS refused that code/);
    await terminal.says(QUESTION);
    const code = [...terminal.output().matchAll(/Authenticator: (\d{3} \d{3}), \d+ s left/g)].at(-1)?.[1];
    terminal.types(`${code}\r`);
    await terminal.says(/compared byte by byte/);
    await terminal.says(/Done/);
    expect(await terminal.ended).toBe(0);
    expect(await traces()).toEqual([]);
  });

  it.skipIf(!hasTerminals)('ends by Ctrl-C while a code is being typed', async () => {
    const { env, traces } = await onlooker();
    const terminal = onTerminal(`${process.execPath} ${PROGRAM} demo`, env);
    await terminal.says(QUESTION);
    terminal.types('12\x03');
    expect(await terminal.ended).toBe(130);
    expect(terminal.output()).toContain('the temporary folder is gone');
    expect(await traces()).toEqual([]);
  });

  it.skipIf(!hasTerminals)('ends when its terminal is closed', async ({ expect }) => {
    const { env, traces } = await onlooker();
    const terminal = onTerminal(`${process.execPath} ${PROGRAM} demo`, env);
    await terminal.says(QUESTION);
    terminal.close();
    await expect.poll(traces, { timeout: 20_000 }).toEqual([]);
  });
});
