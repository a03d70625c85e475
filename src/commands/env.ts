import type { GlobalOptions } from '../cli/options.ts';
import { isTerminal, say, write } from '../cli/output.ts';
import { UserError } from '../errors.ts';
import { readIfPresent } from '../files/read.ts';
import { shellWord } from '../plain.ts';
import { chosenProfile } from '../refresh/held-session.ts';
import { usableSession } from '../refresh/usable-session.ts';
import { endsSoon as endsSoonText } from '../refresh/usable-session-texts.ts';
import { evaluated, SHELL_NAMES, type Shell, settingLine, shellOf, unsettingLine } from '../session/shells.ts';
import { OLD_TOKEN_VARIABLE, regionVariables, SESSION_VARIABLES, sessionVariables } from '../session/variables.ts';
import { userSettings } from '../settings/settings.ts';
import { formatInstant } from '../time/instant.ts';

interface EnvOptions extends GlobalOptions {
  shell?: string;
  unset?: boolean;
  json?: boolean;
}

/** Prints the lines that set the variables of a session in a shell, or remove them, or the session as JSON. Never asks for a code. */
export async function env(name: string | undefined, options: EnvOptions): Promise<void> {
  const shell = options.shell === undefined ? await callingShell() : namedShell(options.shell);
  if (options.unset) {
    const variables = [...SESSION_VARIABLES, ...Object.keys(regionVariables(undefined, process.env))];
    return print(variables.map((variable) => unsettingLine(shell, variable)));
  }

  const settings = userSettings(options);
  const chosen = chosenProfile(name, settings);
  const { profile } = chosen;
  const { session, endsSoon } = await usableSession(settings, chosen, {
    enough: 'working',
    trusted: Number.POSITIVE_INFINITY,
  });
  if (options.json) {
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = session;
    const ends = expiration === undefined ? undefined : formatInstant(expiration);
    print([
      JSON.stringify({
        Credentials: {
          AccessKeyId: accessKeyId,
          SecretAccessKey: secretAccessKey,
          SessionToken: sessionToken,
          Expiration: ends,
        },
      }),
    ]);
    if (endsSoon !== undefined) say(endsSoonText(profile, endsSoon, Date.now()));
    return;
  }

  const variables = Object.entries({
    ...sessionVariables(session),
    ...regionVariables(chosen.toolsRegion, process.env),
  });
  // Removed only if it is set: the shell that runs these lines has the same variables as this process.
  if (process.env[OLD_TOKEN_VARIABLE] !== undefined) variables.push([OLD_TOKEN_VARIABLE, undefined]);
  const lines = variables.map(([variable, value]) =>
    value === undefined ? unsettingLine(shell, variable) : settingLine(shell, variable, value),
  );
  const notes: string[] = [];
  if (endsSoon !== undefined) notes.push(endsSoonText(profile, endsSoon, Date.now()));
  const { AWS_PROFILE } = process.env;
  if (AWS_PROFILE && AWS_PROFILE !== profile) notes.push(profileOutranks(AWS_PROFILE));
  if (isTerminal()) {
    const command = ['aws-mfa-agent env', ...(name === undefined ? [] : [shellWord(name)]), `--shell ${shell}`].join(
      ' ',
    );
    notes.push(linesForShell(evaluated(shell, command)));
  }
  print(lines);
  for (const note of notes) say(note);
}

function print(lines: string[]): void {
  write(1, `${lines.join('\n')}\n`);
}

function namedShell(name: string): Shell {
  const shell = shellOf(name);
  if (!shell) throw new UserError(`--shell ${name}: must be one of ${SHELL_NAMES.join(', ')}`, 'usage');
  return shell;
}

/**
 * Returns the calling shell's group; otherwise that of the user's login shell; otherwise `sh`, which most shells
 * understand.
 */
async function callingShell(): Promise<Shell> {
  return shellOf(await parentName()) ?? shellOf(process.env.SHELL ?? '') ?? 'sh';
}

async function parentName(): Promise<string> {
  const parent = String(process.ppid);
  if (process.platform === 'linux') return readIfPresent(`/proc/${parent}/comm`)?.toString('utf8') ?? '';
  const { runCommand } = await import('../run-command.ts');
  const result = await runCommand(['ps', '-o', 'comm=', '-p', parent], { timeout: 1_000 });
  return result.ok ? result.stdout : '';
}

function profileOutranks(name: string): string {
  return `AWS_PROFILE=${name} is set: some tools take that profile instead of these keys; unset it`;
}

function linesForShell(command: string): string {
  return `these lines are for your shell: ${command}`;
}
