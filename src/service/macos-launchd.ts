import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '../errors.ts';
import { readIfPresent } from '../files/read.ts';
import { packageFile } from '../package-file.ts';
import { type CommandResult, runCommand } from '../run-command.ts';
import { pause } from '../time/pause.ts';
import { HOMEBREW_LABEL, LABEL, logFile } from './macos-job.ts';
import type { Service } from './service.ts';
import { NODE_FLAGS, type Start } from './start.ts';

/** How long the agent may take to start or to end, and how often to check, in milliseconds: launchd does not report it. */
const PATIENCE = 10_000;
const LOOK_EVERY = 200;

/** How long a call of launchctl may take, in milliseconds. `bootout` waits for the end of the agent. */
const LIMIT = 20_000;
const LOOK_LIMIT = 5_000;

/** Exit statuses of launchctl: there is no such process, no such domain, no such service. */
const NOTHING_LOADED: unknown[] = [3, 112, 113];

/** What `launchctl bootstrap` says of almost everything: the last job is still ending, or the user has switched the item off. */
const INPUT_OUTPUT_ERROR = 5;

/** Exit statuses of `launchctl bootstrap` while the last job is still ending: the same, now in progress, already in progress. */
const STILL_BUSY: unknown[] = [INPUT_OUTPUT_ERROR, 36, 37];

const SWITCH_ON = 'switch on node (or Node.js Foundation) in System Settings > General > Login Items';

/**
 * The user's launchd, in the graphical session. Written from the manual pages and from what launchctl prints on real Macs, and
 * never tried on one.
 * @see launchctl(1), launchd.plist(5)
 */
export function launchd(home: string, uid: number, patience = PATIENCE): Service {
  const domain = `gui/${uid}`;
  const target = `${domain}/${LABEL}`;
  const agents = join(home, 'Library', 'LaunchAgents');
  const file = join(agents, `${LABEL}.plist`);
  const template = readFileSync(packageFile(`launchd/${LABEL}.plist`), 'utf8');
  const log = logFile(home);
  // It prints 145 kB for a domain.
  const call = (verb: string, ...words: string[]) =>
    runCommand(['launchctl', verb, ...words], {
      timeout: verb.startsWith('print') ? LOOK_LIMIT : LIMIT,
      mostOutput: 2 ** 24,
    });
  const job = async (label = LABEL) => {
    const printed = await call('print', `${domain}/${label}`);
    return printed.ok ? jobIn(printed.stdout) : undefined;
  };
  /** Ends the job. Returns why that failed, if it did. */
  const unload = async () => {
    const done = await call('bootout', target);
    if (!done.ok && NOTHING_LOADED.includes(done.ended)) return undefined;
    for (const giveUp = performance.now() + patience; (await job()) !== undefined; await pause(LOOK_EVERY)) {
      if (performance.now() > giveUp) return done.ok ? 'the agent does not end' : causeOf(done);
    }
    return undefined;
  };
  const load = async () => {
    for (const giveUp = performance.now() + patience; ; await pause(LOOK_EVERY)) {
      const started = await call('bootstrap', domain, file);
      if (started.ok) return;
      if (!STILL_BUSY.includes(started.ended) || performance.now() > giveUp) {
        const hint = started.ended === INPUT_OUTPUT_ERROR ? `; if it stays so, ${SWITCH_ON}` : '';
        throw new UserError(`launchctl bootstrap ${domain} failed: ${causeOf(started)}${hint}`);
      }
    }
  };

  return {
    name: 'LaunchAgent',
    file,
    template,
    desktopEntry: false,
    unfit: async () => {
      // Only the exit status counts.
      if ((await call('print', domain)).ok) return undefined;
      const manager = await call('managername');
      if (manager.ok && manager.stdout.trim() === 'Aqua') return undefined;
      return `there is no graphical session (${domain}): log in at the screen, not over ssh`;
    },
    isRemovedAnyway: true,
    rival: async () => {
      const isThere = existsSync(join(agents, `${HOMEBREW_LABEL}.plist`)) || (await job(HOMEBREW_LABEL)) !== undefined;
      if (!isThere) return undefined;
      return {
        found: `Homebrew starts the agent (${HOMEBREW_LABEL})`,
        isReplaced: false,
        stop: 'brew services stop aws-mfa-agent',
        restart: 'brew services restart aws-mfa-agent',
      };
    },
    fillIn: async (start) => [{ text: filledIn(template, start, log) }],
    comment: (words) => `<!-- ${words} -->`,
    start: async (answering) => {
      const logged = readIfPresent(log)?.length ?? 0;
      await unload();
      await call('enable', target);
      await load();
      for (const giveUp = performance.now() + patience; ; await pause(LOOK_EVERY)) {
        const { pid, failure } = (await job()) ?? {};
        if (pid !== undefined && (await answering()) === pid) return undefined;
        if ((pid === undefined && failure !== undefined) || performance.now() > giveUp) {
          const why = lastLine(readIfPresent(log)?.subarray(logged)) ?? failure ?? 'it does not answer';
          throw new UserError(`the service is installed but does not run: ${why} (${log})`);
        }
      }
    },
    stop: async () => {
      const why = await unload();
      if (why !== undefined) throw new UserError(`launchctl bootout ${target} failed: ${why}`);
    },
    forget: async () => {},
    look: async () => {
      const list = readFileSync(file, 'utf8');
      const stringsIn = (pattern: RegExp) =>
        [...(pattern.exec(list)?.[1] ?? '').matchAll(/<(?:key|string)>([^<]*)</g)].map(([, text = '']) =>
          unescaped(text),
        );
      const pairs = stringsIn(/<key>EnvironmentVariables<\/key>\s*<dict>([\s\S]*?)<\/dict>/);
      const names = pairs.filter((_, index) => index % 2 === 0);
      const [loaded, disabled] = await Promise.all([job(), call('print-disabled', domain)]);
      const isDisabled = new RegExp(`^\\s*"${LABEL.replaceAll('.', '\\.')}" => (disabled|true)$`, 'm').test(
        disabled.stdout,
      );
      return {
        enabled: loaded !== undefined && !isDisabled,
        failure: loaded?.failure,
        command: stringsIn(/<key>ProgramArguments<\/key>\s*<array>([\s\S]*?)<\/array>/),
        variables: Object.fromEntries(names.map((name, index) => [name, pairs[2 * index + 1] ?? ''])),
        session: undefined,
      };
    },
    running: async () => (await job())?.pid,
    hints: [
      ['status', `launchctl print ${target}`],
      ['log', `tail -f ${log}`],
      ['remove', 'aws-mfa-agent uninstall'],
    ],
    notes: [
      'macOS shows the notice "Background Items Added", which names node, or "Node.js Foundation", which has signed it. It means the agent: if you switch that off in System Settings > General > Login Items, the agent stops and does not ask you any more.',
    ],
    remedies: {
      enable: `${SWITCH_ON}; then aws-mfa-agent install`,
      restart: `launchctl kickstart -k ${target}`,
      proxy: `add HTTPS_PROXY under EnvironmentVariables in ${file}; then launchctl bootout ${target}; launchctl bootstrap ${domain} ${file}`,
    },
  };
}

/** Returns what `launchctl print` says about a job. Only its own lines count, not those of the blocks inside. */
function jobIn(printed: string): { pid: number | undefined; failure: string | undefined } {
  const value = (name: string) => new RegExp(`^\\t?${name} = (.+)$`, 'm').exec(printed)?.[1];
  const [pid, status] = [value('pid'), value('last exit code')];
  return {
    pid: pid === undefined ? undefined : Number(pid),
    // "(never exited)" is not a failure.
    failure: status !== undefined && /^[1-9]/.test(status) ? `last exit code ${status}` : undefined,
  };
}

/** Returns what launchctl says. Its last line is usually the advice to run it as root, which does not help. */
function causeOf({ stderr, reason }: CommandResult & { ok: false }): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  return lines.find((line) => line !== '' && !line.startsWith('Try re-running')) ?? reason;
}

function lastLine(text: Buffer | undefined): string | undefined {
  const line = text?.toString().trim().split('\n').at(-1);
  if (!line) return undefined;
  try {
    return JSON.parse(line).msg ?? line;
  } catch {
    return line;
  }
}

function filledIn(template: string, { node, program, words, environment }: Start, log: string): string {
  const command = [node, ...NODE_FLAGS, program, ...words]
    .map((word) => `    <string>${escaped(word)}</string>\n`)
    .join('');
  const [, path = ''] = /<key>PATH<\/key>\s*<string>([^<]*)<\/string>/.exec(template) ?? [];
  const folders = [...new Set([dirname(node), dirname(program), ...path.split(':')])];
  const variables = Object.entries({ PATH: folders.join(':'), ...environment })
    .map(([name, value]) => `    <key>${name}</key>\n    <string>${escaped(value)}</string>\n`)
    .join('');
  return template
    .replace(
      /(<key>ProgramArguments<\/key>\s*<array>\n)[\s\S]*?( *<\/array>)/,
      (_, begin, end) => begin + command + end,
    )
    .replace(
      /(<key>EnvironmentVariables<\/key>\s*<dict>\n)[\s\S]*?( *<\/dict>)/,
      (_, begin, end) => begin + variables + end,
    )
    .replace(
      / *<key>RunAtLoad<\/key>/,
      (key) => `  <key>StandardErrorPath</key>\n  <string>${escaped(log)}</string>\n${key}`,
    );
}

function unescaped(text: string): string {
  return text.replaceAll('&gt;', '>').replaceAll('&lt;', '<').replaceAll('&amp;', '&');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
