import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Sandbox, type SandboxOptions, startSandbox } from '../sandbox.ts';
import { signalAll } from '../signals.ts';
import { nextScript, OSASCRIPT, type Script } from './script.ts';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** A Linux that says it is a Mac, as far as our program sees: `process.platform`, and stand-ins for the programs of macOS. */
export interface Mac extends Sandbox {
  /** Puts a shell script into PATH, in the place of a program of macOS. */
  install(name: string, script: string): void;
  /** The window, or what follows the events of the screen: the next script that starts. */
  script(known?: readonly Script[]): Promise<Script>;
  /** The words of the AppleScripts that ran. */
  appleScripts(): string[][];
  /** The exit statuses with which the next calls of launchctl end, by verb. `later`: it does not wait for the end of the job. */
  launchctl(answers: Record<string, (number | 'hangs' | 'later')[]>): void;
  /** The calls of launchctl so far. */
  calls(): string[];
  /** What launchd knows about a job: the process id of what it runs. */
  job(label?: string): { pid?: number; status?: number; runs: number } | undefined;
  /** A file of this stand-in, to switch something on. */
  switchOn(name: string): void;
  log: string;
  plist: string;
}

export async function startMac(options: SandboxOptions = {}): Promise<Mac> {
  const sandbox = await startSandbox(options);
  const folder = join(sandbox.home, 'mac');
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  mkdirSync(join(sandbox.home, 'Library', 'Logs'), { recursive: true });
  writeFileSync(join(folder, 'answers.json'), '{}');
  const { XDG_RUNTIME_DIR: _, ...env } = sandbox.env;
  const install = (name: string, script: string) =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  install('launchctl', `exec '${process.execPath}' '${here('launchctl.mjs')}' "$@"`);
  install('osascript', OSASCRIPT);
  install('ioreg', 'exit 1');
  // Whatever Linux has under the names of macOS.
  install('open', 'exit 1');
  const job: Mac['job'] = (label = 'io.github.aws-mfa-agent') => {
    try {
      return JSON.parse(readFileSync(join(folder, `job ${label}`), 'utf8'));
    } catch {
      return undefined;
    }
  };
  return {
    ...sandbox,
    env: {
      ...env,
      PATH: `${bin}:${dirname(process.execPath)}:/usr/bin:/bin`,
      MAC: folder,
      // Of this user alone, as on a Mac.
      TMPDIR: folder,
      MAC_PATH: bin,
      NODE_OPTIONS: `--require ${here('darwin.cjs')}`,
    } as Record<string, string>,
    install,
    script: (known) => nextScript(folder, known),
    appleScripts: () => readLines(join(folder, 'applescripts')).map((line) => JSON.parse(line)),
    launchctl: (answers) => writeFileSync(join(folder, 'answers.json'), JSON.stringify(answers)),
    calls: () => readLines(join(folder, 'calls')),
    job,
    switchOn: (name) => writeFileSync(join(folder, name), ''),
    log: join(sandbox.home, 'Library', 'Logs', 'aws-mfa-agent.log'),
    plist: join(sandbox.home, 'Library', 'LaunchAgents', 'io.github.aws-mfa-agent.plist'),
    close: async () => {
      for (const label of ['io.github.aws-mfa-agent', 'homebrew.mxcl.aws-mfa-agent']) {
        const left = job(label) as { launchd?: number } | undefined;
        if (left?.launchd) signalAll([left.launchd], 'SIGTERM');
      }
      await sandbox.close();
    },
  };
}

function readLines(file: string): string[] {
  try {
    // Without a line that is being written.
    return readFileSync(file, 'utf8').split('\n').slice(0, -1);
  } catch {
    return [];
  }
}
