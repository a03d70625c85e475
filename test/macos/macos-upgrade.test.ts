import { type ChildProcess, spawn } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isNodeGone, nodePath } from '../../src/start-child.ts';
import { follow, type Running } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { holds } from '../within.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const LABEL = 'io.github.aws-mfa-agent';

/** What launchd does is the same on any system: a path, a variable and an exit status. */
describe('the agent that launchd has started', () => {
  let sandbox: Sandbox;
  /** As Homebrew does it: a link whose target contains the version. */
  let node: string;
  let cellar: string;
  let installed: string;
  let codes: string;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    sandbox = await startSandbox();
    const { home } = sandbox;
    cellar = join(home, 'homebrew', 'Cellar', 'node');
    node = join(home, 'homebrew', 'bin', 'node');
    mkdirSync(dirname(node), { recursive: true });
    pour('22.1.0');
    symlinkSync(join(cellar, '22.1.0', 'bin', 'node'), node);
    installed = join(home, 'homebrew', 'lib');
    mkdirSync(installed);
    cpSync(join(REPOSITORY, 'dist'), join(installed, 'dist'), { recursive: true });
    copyFileSync(join(REPOSITORY, 'package.json'), join(installed, 'package.json'));
    symlinkSync(join(REPOSITORY, 'node_modules'), join(installed, 'node_modules'));
    codes = join(home, 'code');
    mkdirSync(join(home, '.config', 'aws-mfa-agent'), { recursive: true });
    writeFileSync(
      join(home, '.config', 'aws-mfa-agent', 'config.ini'),
      `prompt = mfa_process\n[mfa]\nsource_profile = default\nmfa_process = cat ${codes}\n`,
    );
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await sandbox.close();
  });

  /** Installs a version of Node. */
  function pour(version: string): void {
    const bin = join(cellar, version, 'bin');
    mkdirSync(bin, { recursive: true });
    try {
      linkSync(process.execPath, join(bin, 'node'));
    } catch {
      copyFileSync(process.execPath, join(bin, 'node'));
    }
  }

  /** Starts the agent, which cannot ask at first: the command prints no code. */
  async function agent(label = LABEL): Promise<Running> {
    const env = { ...sandbox.env, PATH: '/usr/bin:/bin', XPC_SERVICE_NAME: label };
    const child = spawn(node, [join(installed, 'dist', 'cli.cjs'), 'run'], { env, stdio: 'pipe' });
    children.push(child);
    const running = follow(child);
    await running.says(/cannot ask/);
    return running;
  }

  function changeCredentials(): void {
    utimesSync(sandbox.credentialsFile, new Date(), new Date());
  }

  function upgradeProgram(): void {
    const file = join(installed, 'package.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/"version": ".*"/, '"version": "99.0.0"'));
  }

  it('the agent refreshes after an upgrade of Node has deleted the version that it runs on', async () => {
    const running = await agent();
    pour('22.2.0');
    rmSync(join(cellar, '22.1.0'), { recursive: true });
    rmSync(node);
    symlinkSync(join(cellar, '22.2.0', 'bin', 'node'), node);
    writeFileSync(codes, sandbox.code());
    changeCredentials();
    await running.says(/session refreshed/);
  });

  it('the agent ends with status 75 when Node was removed, so that launchd starts it again', async () => {
    const running = await agent();
    rmSync(cellar, { recursive: true });
    changeCredentials();
    expect((await running.ended).status).toBe(75);
    expect(running.output()).toMatch(/22\.1\.0\/bin\/node has been removed/);
  });

  it.each([LABEL, 'homebrew.mxcl.aws-mfa-agent'])(
    'the agent of the job %s ends with status 75 after an upgrade of the program, before it loads anything of it',
    async (label) => {
      const running = await agent(label);
      upgradeProgram();
      rmSync(join(installed, 'dist'), { recursive: true });
      changeCredentials();
      expect((await running.ended).status).toBe(75);
      expect(running.output()).toMatch(/version 99\.0\.0 is installed/);
    },
  );

  it('an agent that was started in a terminal of macOS does not end after an upgrade', async () => {
    const running = await agent('application.com.apple.Terminal.1152921500311879701');
    upgradeProgram();
    writeFileSync(codes, sandbox.code());
    changeCredentials();
    await running.says(/session refreshed/);
  });

  it.each([
    ['a longer log is cut to its newest lines', 2_000_000, 600_000],
    ['a shorter log is kept', 900_000, 1_000_000],
  ])('when the agent starts, %s', async (_what, size, most) => {
    const log = join(sandbox.home, 'Library', 'Logs', 'aws-mfa-agent.log');
    mkdirSync(dirname(log), { recursive: true });
    const line = `${'x'.repeat(98)}\n`;
    writeFileSync(log, `first\n${line.repeat(size / line.length)}last before\n`);
    const env = { ...sandbox.env, XPC_SERVICE_NAME: LABEL };
    const child = spawn(node, [join(installed, 'dist', 'cli.cjs'), 'run'], {
      env,
      stdio: ['ignore', 'pipe', openSync(log, 'a')],
    });
    children.push(child);
    const text = () => readFileSync(log, 'utf8');
    await holds(() => expect(text()).toMatch(/the agent runs/));
    expect(text().length).toBeLessThan(most);
    expect(text()).toMatch(/^(x{98}|first)\n[\s\S]*\nlast before\n\{.*the agent runs/);
    expect(text().startsWith('first')).toBe(most > size);
  });
});

describe('the Node of a child', () => {
  const execPath = process.execPath;

  it('the Node of a child is that which the service names, as long as it is there', () => {
    expect(nodePath({ argv0: '/bin/sh', execPath })).toBe('/bin/sh');
    expect(nodePath({ argv0: '/nonexistent/node', execPath })).toBe(execPath);
    expect(nodePath({ argv0: 'node', execPath })).toBe(execPath);
  });

  it('Node is gone when none of its paths is left', () => {
    expect(isNodeGone({ argv0: '/bin/sh', execPath: '/nonexistent/node' })).toBe(false);
    expect(isNodeGone({ argv0: 'node', execPath: '/nonexistent/node' })).toBe(true);
    expect(isNodeGone({ argv0: '/nonexistent/link', execPath: '/nonexistent/node' })).toBe(true);
  });
});
