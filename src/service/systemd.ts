import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { UserError } from '../errors.ts';
import { packageFile } from '../package-file.ts';
import { type CommandResult, runCommand } from '../run-command.ts';
import { managerEnvironment } from './desktop-environment.ts';
import type { Service } from './service.ts';
import { NODE_FLAGS, type Start } from './start.ts';

const UNIT = 'aws-mfa-agent.service';

/** In milliseconds. A start waits for the agent to be ready; systemd's own limit for that is 90 s. */
const PATIENCE = 120_000;

/** Settings that need a user namespace, which some systems do not allow (Ubuntu since 23.10, by AppArmor). */
const NEEDS_NAMESPACE = /^(?:Protect\w+|PrivateUsers|ReadWritePaths|CapabilityBoundingSet)=.*\n/gm;

/** Exit statuses of systemd's step before the program (user, capabilities, namespace): systemd.exec(5), "Process Exit Codes". */
const NAMESPACE_REFUSED = ['217', '218', '226'];

/** Made by `systemctl --global enable`. */
const ENABLED_FOR_ALL = `/etc/systemd/user/default.target.wants/${UNIT}`;

/** The user's systemd. */
export function systemd(environment: NodeJS.ProcessEnv, home: string): Service {
  const { XDG_CONFIG_HOME } = environment;
  const settings = XDG_CONFIG_HOME && isAbsolute(XDG_CONFIG_HOME) ? XDG_CONFIG_HOME : join(home, '.config');
  const file = join(settings, 'systemd', 'user', UNIT);
  const template = readFileSync(packageFile(`systemd/${UNIT}`), 'utf8');
  const call = (...words: string[]) =>
    runCommand(['systemctl', '--user', ...words], { timeout: PATIENCE, environment });
  const must = async (...words: string[]) => {
    const result = await call(...words);
    if (!result.ok) throw new UserError(`systemctl --user ${words.join(' ')} failed: ${result.reason}`);
  };
  const property = async (name: string) => {
    const result = await call('show', '--value', `--property=${name}`, UNIT);
    return result.ok ? result.stdout.trim() : '';
  };

  return {
    name: 'systemd user service',
    file,
    emptyIsMask: true,
    template,
    desktopEntry: true,
    unfit: async () => {
      const version = await call('show', '--property=Version');
      return version.ok ? undefined : whyNone(version, environment);
    },
    rival: async () => {
      const [unit, state, enabled] = await Promise.all([
        property('FragmentPath'),
        property('ActiveState'),
        call('is-enabled', UNIT),
      ]);
      const isEnabled = enabled.stdout.trim() === 'enabled';
      if (unit === '' || unit === file || !(isEnabled || state === 'active')) return undefined;
      return {
        found: isEnabled
          ? `systemd starts the agent with ${unit}`
          : `systemd runs the agent with ${unit}, but will not start it at the next login`,
        isReplaced: true,
        // Only the administrator can disable what is enabled for all users.
        stop: `systemctl --user ${existsSync(ENABLED_FOR_ALL) ? 'mask' : 'disable'} --now aws-mfa-agent`,
        restart: 'systemctl --user restart aws-mfa-agent',
      };
    },
    fillIn: async (start) => {
      const version = await call('show', '--value', '--property=Version');
      const text = filledIn(template, start, version.ok ? Number.parseInt(version.stdout, 10) : 0);
      return [
        { text },
        {
          text: text.replace(NEEDS_NAMESPACE, ''),
          without: 'this system does not allow user namespaces, so the service can write anywhere in your home folder',
        },
      ];
    },
    comment: (words) => `# ${words}`,
    start: async () => {
      await must('daemon-reload');
      if ((await property('LoadState')) !== 'loaded') {
        throw new UserError(`systemd does not load ${file}: ${await notLoaded(property)}`);
      }
      // Earlier failures would count towards the limit of starts.
      await call('reset-failed', UNIT);
      await must('--quiet', 'enable', UNIT);
      const started = await call('restart', UNIT);
      if (started.ok) return undefined;
      const status = await property('ExecMainStatus');
      if (NAMESPACE_REFUSED.includes(status)) {
        await call('stop', UNIT);
        return `systemd cannot set up the namespace (status ${status})`;
      }
      const why = (await property('StatusText')) || `${await property('Result')}, exit status ${status}`;
      throw new UserError(`the service is installed but does not run: ${why} (journalctl --user -u aws-mfa-agent)`);
    },
    stop: () => must('--quiet', 'disable', '--now', UNIT),
    forget: async () => {
      await must('daemon-reload');
      await call('reset-failed', UNIT);
    },
    look: async () => {
      const [enabled, result, status, variables, session] = await Promise.all([
        call('is-enabled', UNIT),
        property('Result'),
        property('StatusText'),
        property('Environment'),
        managerEnvironment(environment),
      ]);
      // Prints one word also if the unit is not enabled, with an exit status other than 0.
      const state = enabled.stdout.trim();
      const failed = result !== '' && result !== 'success';
      const command = /^ExecStart=(.*)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
      return {
        enabled: state === '' ? undefined : state === 'enabled',
        failure: failed ? status || result : undefined,
        command: wordsIn(command).map((word) => word.replaceAll('$$', '$')),
        variables: Object.fromEntries(
          wordsIn(variables).map((word) => [word.replace(/=.*$/s, ''), word.replace(/^[^=]*=/, '')]),
        ),
        session,
      };
    },
    running: async () => ((await property('ActiveState')) === 'active' ? Number(await property('MainPID')) : undefined),
    hints: [
      ['status', 'systemctl --user status aws-mfa-agent'],
      ['log', 'journalctl --user -u aws-mfa-agent -f'],
      ['change', 'systemctl --user edit aws-mfa-agent'],
      ['remove', 'aws-mfa-agent uninstall'],
    ],
    remedies: {
      enable: 'systemctl --user enable aws-mfa-agent',
      restart: 'systemctl --user restart aws-mfa-agent',
      proxy: 'run "systemctl --user edit aws-mfa-agent", and add: [Service] Environment=HTTPS_PROXY=http://HOST:PORT',
    },
  };
}

/** @param version of systemd; 0 if unknown */
function filledIn(
  template: string,
  { node, program, words, environment, folders, state }: Start,
  version: number,
): string {
  const inCommand = (word: string) => quoted(word).replaceAll('$', '$$$$');
  const command = [node, ...NODE_FLAGS, program, ...words].map(inCommand).join(' ');
  const variables = Object.entries(environment).map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`);
  const start = [...variables, `ExecStart=${command}`].join('\n');
  const writable = `ReadWritePaths=${folders.map((folder) => quoted(`-${folder}`)).join(' ')}`;
  // Older versions warn about settings that they do not know.
  const restart = version >= 254 ? ['RestartSec=5', 'RestartSteps=5', 'RestartMaxDelaySec=5min'] : ['RestartSec=5'];
  return `# Written by "aws-mfa-agent install". Do not edit it: put changes into a drop-in (systemctl --user edit aws-mfa-agent).
${template}`
    .replace(/^(ExecStartPre=.* )\S+$/m, (_, mkdir) => mkdir + inCommand(state))
    .replace(/^ExecStart=.*$/m, () => start)
    .replace(/^ReadWritePaths=.*$/m, () => writable)
    .replace(/^RestartSec=.*$/m, restart.join('\n'));
}

/** Quotes a word for systemd.syntax(7), so that specifiers and unusual characters keep their meaning. */
function quoted(word: string): string {
  if (/[\p{Cc}]/u.test(word)) throw new UserError(`a unit cannot hold a control character: ${JSON.stringify(word)}`);
  const text = word.replaceAll('%', '%%');
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** Splits a line into words, as {@link quoted} and systemd write them. */
function wordsIn(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, inQuotes, bare]) =>
    (inQuotes?.replace(/\\(.)/g, '$1') ?? bare ?? '').replaceAll('%%', '%'),
  );
}

async function notLoaded(property: (name: string) => Promise<string>): Promise<string> {
  const state = await property('LoadState');
  if (state === 'masked') return 'it is masked (systemctl --user unmask aws-mfa-agent)';
  return state === 'not-found' ? 'it reads units from other folders (systemctl --user show -p UnitPath)' : state;
}

function whyNone(result: CommandResult & { ok: false }, { XDG_RUNTIME_DIR }: NodeJS.ProcessEnv): string {
  const otherwise = `Without it, put "aws-mfa-agent run >/dev/null 2>&1 &" into ~/.profile, or "@reboot aws-mfa-agent run" into crontab -e`;
  if (existsSync('/run/systemd/system')) {
    const reached = XDG_RUNTIME_DIR ? result.reason : 'XDG_RUNTIME_DIR is not set';
    return `cannot connect to this user's systemd (${reached}): log in as this user, not with su or sudo. ${otherwise}`;
  }
  if (/microsoft/i.test(release())) {
    return `this WSL does not run systemd: put systemd=true under [boot] into /etc/wsl.conf, then run "wsl --shutdown" in Windows. ${otherwise}`;
  }
  if (existsSync('/.dockerenv') || existsSync('/run/.containerenv')) {
    return 'this is a container without systemd: start "aws-mfa-agent run" next to your program, or outside the container';
  }
  return `this system does not run systemd. ${otherwise}`;
}
