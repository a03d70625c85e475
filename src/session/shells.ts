import { UserError } from '../errors.ts';

/** The groups of shells that set variables in the same way. */
export type Shell = 'sh' | 'fish' | 'powershell' | 'cmd';

/** The values of `--shell`. */
export const SHELL_NAMES = ['sh', 'bash', 'zsh', 'fish', 'powershell', 'cmd'];

const LANGUAGES: [Shell, RegExp][] = [
  ['sh', /^(?:sh|r?bash|zsh|dash|ash|busybox|[lmp]?ksh(?:93)?|yash)$/],
  ['fish', /^fish$/],
  ['powershell', /^(?:pwsh(?:-preview)?|powershell)$/],
  ['cmd', /^cmd$/],
];

/**
 * Returns the group of a shell.
 * @param program its name or path; that of a login shell begins with a dash (`-zsh`)
 * @returns undefined if the program is not a known shell
 */
export function shellOf(program: string): Shell | undefined {
  const name = program
    .trim()
    .toLowerCase()
    .replace(/^.*[/\\]/, '')
    .replace(/^-/, '')
    .replace(/\.exe$/, '');
  return LANGUAGES.find(([, names]) => names.test(name))?.[0];
}

/**
 * Returns the line that sets an environment variable in a shell.
 * @param name letters, digits and `_`
 * @throws UserError if the value cannot be written in that shell. The message does not repeat the value, which may be a
 *   secret
 */
export function settingLine(shell: Shell, name: string, value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is them; \p{Cc} and \p{Surrogate} take V8 longer
  if (/[\0-\x1f\x7f-\x9f\ud800-\udfff]/u.test(value)) {
    throw new UserError(`${name} holds a line break or another control character: AWS credentials never do`);
  }
  switch (shell) {
    case 'sh':
      // With a semicolon, like ssh-agent: `eval $(…)` without quotes joins all lines to one.
      return `export ${name}='${value.replaceAll("'", `'\\''`)}';`;
    case 'fish':
      return `set -gx ${name} '${value.replace(/[\\']/g, '\\$&')}';`;
    case 'powershell':
      // PowerShell treats typographic quotes as quotes: about_Quoting_Rules.
      return `$Env:${name} = '${value.replace(/['\u2018-\u201b]/g, '$&$&')}'`;
    case 'cmd':
      // In a batch file a % must be doubled, at the prompt it must not. No way to write " or ! works in both.
      if (/["%!]/.test(value)) throw new UserError(`${name} holds a ", % or !, which cmd cannot take`);
      return `set "${name}=${value}"`;
  }
}

/** Returns the line that removes an environment variable. Does nothing if the variable is not set. */
export function unsettingLine(shell: Shell, name: string): string {
  switch (shell) {
    case 'sh':
      return `unset ${name};`;
    case 'fish':
      return `set -e ${name};`;
    case 'powershell':
      return `Remove-Item Env:${name} -ErrorAction SilentlyContinue`;
    case 'cmd':
      return `set "${name}="`;
  }
}

/** Returns what a user types to make the shell run the lines that `command` prints. */
export function evaluated(shell: Shell, command: string): string {
  switch (shell) {
    case 'sh':
      return `eval "$(${command})"`;
    case 'fish':
      return `${command} | source`;
    case 'powershell':
      return `${command} | Out-String | Invoke-Expression`;
    case 'cmd':
      return `for /f "delims=" %i in ('${command}') do @%i`;
  }
}
