import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '../errors.ts';
import { packageFile } from '../package-file.ts';
import { runCommand } from '../run-command.ts';
import { pause } from '../time/pause.ts';
import type { Service } from './service.ts';
import { NODE_FLAGS, type Start } from './start.ts';

const LABEL = 'io.github.aws-mfa-agent';

/** How long the agent may take to start, and how often to check, in milliseconds: launchd does not report it. */
const PATIENCE = 10_000;
const LOOK_EVERY = 200;

/**
 * The user's launchd, in the graphical session. Written from the manual pages, and never tried on a Mac.
 * @see launchctl(1), launchd.plist(5)
 */
export function launchd(home: string, uid: number): Service {
  const domain = `gui/${uid}`;
  const target = `${domain}/${LABEL}`;
  const file = join(home, 'Library', 'LaunchAgents', `${LABEL}.plist`);
  const template = readFileSync(packageFile(`launchd/${LABEL}.plist`), 'utf8');
  const log = join(home, 'Library', 'Logs', 'aws-mfa-agent.log');
  const call = (...words: string[]) => runCommand(['launchctl', ...words], { timeout: 20_000 });
  const running = async () => {
    const printed = await call('print', target);
    const [, pid] = (printed.ok && /^\s*pid = (\d+)$/m.exec(printed.stdout)) || [];
    return pid === undefined ? undefined : Number(pid);
  };

  return {
    name: 'LaunchAgent',
    file,
    template,
    unfit: async () => {
      const printed = await call('print', domain);
      return printed.ok ? undefined : `there is no graphical session (${domain}): log in at the screen, not over ssh`;
    },
    fillIn: async (start) => [{ text: filledIn(template, start, log) }],
    comment: (words) => `<!-- ${words} -->`,
    start: async () => {
      // Fails if nothing is loaded, which is fine.
      await call('bootout', target);
      await call('enable', target);
      const giveUp = performance.now() + PATIENCE;
      for (;;) {
        // For a moment after a bootout, launchd still refuses the new service.
        const started = await call('bootstrap', domain, file);
        if (started.ok) break;
        if (performance.now() > giveUp) throw new UserError(`launchctl bootstrap ${domain} failed: ${started.reason}`);
        await pause(LOOK_EVERY);
      }
      while ((await running()) === undefined) {
        if (performance.now() > giveUp) throw new UserError(`the service is installed but does not run: see ${log}`);
        await pause(LOOK_EVERY);
      }
      return undefined;
    },
    stop: async () => void (await call('bootout', target)),
    forget: async () => {},
    look: async () => {
      const list = readFileSync(file, 'utf8');
      const stringsIn = (pattern: RegExp) =>
        [...(pattern.exec(list)?.[1] ?? '').matchAll(/<(?:key|string)>([^<]*)</g)].map(([, text = '']) =>
          unescaped(text),
        );
      const pairs = stringsIn(/<key>EnvironmentVariables<\/key>\s*<dict>([\s\S]*?)<\/dict>/);
      const names = pairs.filter((_, index) => index % 2 === 0);
      const printed = await call('print', target);
      const [, status] = (printed.ok && /^\s*last exit code = (?!0$)(.+)$/m.exec(printed.stdout)) || [];
      return {
        enabled: printed.ok,
        failure: status && `last exit code ${status}`,
        command: stringsIn(/<key>ProgramArguments<\/key>\s*<array>([\s\S]*?)<\/array>/),
        variables: Object.fromEntries(names.map((name, index) => [name, pairs[2 * index + 1] ?? ''])),
        session: undefined,
      };
    },
    running,
    hints: [
      ['status', `launchctl print ${target}`],
      ['log', `tail -f ${log}`],
      ['remove', 'aws-mfa-agent uninstall'],
    ],
  };
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
