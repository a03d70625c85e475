import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeTurnWithoutBus } from '../../src/ask/desktop/turn-without-bus.ts';
import { pathsOf } from '../../src/settings/paths.ts';
import { within } from '../within.ts';

describe('a turn without a session bus', () => {
  let folder: string;
  let environment: NodeJS.ProcessEnv;
  /** Our runtime folder. */
  let runtime: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'turn-'));
    environment = { XDG_RUNTIME_DIR: folder, HOME: folder };
    runtime = pathsOf(environment, folder).runtime;
    await mkdir(runtime, { recursive: true });
  });
  afterEach(() => rm(folder, { recursive: true }));

  const never = new AbortController().signal;

  it('a turn without a session bus goes from one to the next, also when the process that has it is killed', async () => {
    const path = join(runtime, 'turn.sock');
    const script = 'require("net").createServer().listen(process.argv[1], () => console.log("ready"))';
    const other = spawn(process.execPath, ['-e', script, path], { stdio: ['ignore', 'pipe', 'ignore'] });
    await once(other.stdout, 'data');
    let atOnce = 0;
    const most: number[] = [];
    const takers = Array.from({ length: 4 }, async () => {
      const release = await takeTurnWithoutBus(environment, never);
      atOnce += 1;
      most.push(atOnce);
      await pause(50);
      atOnce -= 1;
      release();
    });
    await pause(200);
    expect(most).toEqual([]);
    other.kill('SIGKILL');
    await within('four turns', Promise.all(takers));
    expect(most).toEqual([1, 1, 1, 1]);
    expect(existsSync(path)).toBe(false);
  });

  it('a turn without a session bus is not waited for when the code is no longer needed, or without our folder', async () => {
    const release = await takeTurnWithoutBus(environment, never);
    const controller = new AbortController();
    const second = takeTurnWithoutBus(environment, controller.signal);
    await pause(100);
    controller.abort();
    await within('the end of the second', second);
    release();
    await rm(runtime, { recursive: true });
    const both = [takeTurnWithoutBus(environment, never), takeTurnWithoutBus(environment, never)];
    await within('two that do not wait', Promise.all(both));
  });
});
