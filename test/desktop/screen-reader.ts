import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { follow } from '../program.ts';
import { until, within } from '../within.ts';
import type { Desktop } from './desktop.ts';

const READER = fileURLToPath(new URL('accessible.js', import.meta.url));

/** A part of a window as a screen reader finds it. */
interface Part {
  role: string;
  name: string;
  description: string;
  focused: boolean;
  sensitive: boolean;
  /** In pixels. */
  width: number;
  height: number;
}

/** What reads the windows of a desktop without looking at the screen. */
export interface ScreenReader {
  /** Returns the parts with these roles in the windows of the program. */
  parts(...roles: string[]): Promise<Part[]>;
  /** Resolves when a part has this name. */
  reads(name: string | RegExp): Promise<Part>;
  /**
   * Begins to look for a part that is on the screen for a short time only. Resolves when it looks; the returned function waits for
   * the part.
   */
  watch(name: RegExp): Promise<() => Promise<void>>;
  stop(): Promise<void>;
}

/**
 * Starts the accessibility bus of a desktop, which every toolkit looks for.
 * @param program whose windows are read: ours unless given
 */
export async function startScreenReader(desktop: Desktop, program = 'aws-mfa-agent'): Promise<ScreenReader> {
  const env = desktop.environment;
  const bus: ChildProcess = spawn('/usr/libexec/at-spi-bus-launcher', ['--launch-immediately'], {
    env,
    stdio: 'ignore',
  });
  const object = ['--session', '--dest', 'org.a11y.Bus', '--object-path', '/org/a11y/bus'];
  const ask = () =>
    desktop.tool('gdbus', 'call', ...object, '--method', 'org.a11y.Bus.GetAddress').catch(() => undefined);
  await until('the accessibility bus answers', ask);

  const watching = new Set<ChildProcess>();
  const all = async (): Promise<Part[]> => JSON.parse(await desktop.tool('gjs', '-m', READER, program));
  return {
    parts: async (...roles) => (await all()).filter(({ role }) => roles.includes(role)),
    reads: (name) =>
      until(
        `a part with the name ${name}`,
        async () =>
          (await all()).find((part) => (typeof name === 'string' ? part.name === name : name.test(part.name))),
        all,
      ),
    async watch(name) {
      const looking = follow(
        spawn('gjs', ['-m', READER, program, name.source], { env, stdio: ['ignore', 'pipe', 'pipe'] }),
      );
      watching.add(looking.child);
      await looking.says(/^looking$/m);
      return () => looking.says(/^found: /m);
    },
    async stop() {
      for (const child of watching) child.kill('SIGKILL');
      const exited = once(bus, 'exit');
      bus.kill();
      await within('the end of the accessibility bus', exited);
    },
  };
}
