import { UserError } from '../errors.ts';

/** Shells by the language in which they set a variable. */
export type Shell = 'sh' | 'fish' | 'powershell' | 'cmd';

/** What `--shell` takes. */
export const SHELL_NAMES = ['sh', 'bash', 'zsh', 'fish', 'powershell', 'cmd'];

const LANGUAGES: [Shell, RegExp][] = [
  ['sh', /^(?:sh|r?bash|zsh|dash|ash|busybox|[lmp]?ksh(?:93)?|yash)$/],
  ['fish', /^fish$/],
  ['powershell', /^(?:pwsh(?:-preview)?|powershell)$/],
  ['cmd', /^cmd$/],
];

/**
 * The language of a shell.
 * @param program its name or path; a login shell's has a dash before it (`-zsh`)
 * @returns undefined for anything else
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
 * The line that puts a variable into the environment of a shell and of what it starts.
 * @param name letters, digits and `_`
 * @throws UserError when the value cannot be written in that shell, without a word of it: it may be a secret
 */
export function settingLine(shell: Shell, name: string, value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is them; \p{Cc} and \p{Surrogate} take V8 longer
  if (/[\0-\x1f\x7f-\x9f\ud800-\udfff]/u.test(value)) {
    throw new UserError(`${name} holds a line break or another control character: no credentials of AWS do`);
  }
  switch (shell) {
    case 'sh':
      // With a semicolon, as ssh-agent has it: an `eval $(…)` without quotes makes one line of all.
      return `export ${name}='${value.replaceAll("'", `'\\''`)}';`;
    case 'fish':
      return `set -gx ${name} '${value.replace(/[\\']/g, '\\$&')}';`;
    case 'powershell':
      // It takes typographic quotes for quotes: about_Quoting_Rules.
      return `$Env:${name} = '${value.replace(/['\u2018-\u201b]/g, '$&$&')}'`;
    case 'cmd':
      // What is a plain % at the prompt is half of one in a batch file, and nothing stands for " or ! in both.
      if (/["%!]/.test(value)) throw new UserError(`${name} holds a ", % or !, which cmd cannot take`);
      return `set "${name}=${value}"`;
  }
}

/** The line that takes a variable out of the environment again. It does no harm where there is none. */
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

/** What a person types to have the lines of `command` run by their shell. */
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
