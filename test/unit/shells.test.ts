import { describe, expect, it } from 'vitest';
import { evaluated, settingLine, shellOf, unsettingLine } from '../../src/session/shells.ts';

describe('the shell of a program', () => {
  it.each([
    ['bash', 'sh'],
    ['bash\n', 'sh'],
    ['-zsh', 'sh'],
    ['/bin/dash', 'sh'],
    ['/usr/local/bin/fish', 'fish'],
    ['pwsh', 'powershell'],
    ['pwsh-preview', 'powershell'],
    ['C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe', 'powershell'],
    ['CMD.EXE', 'cmd'],
  ] as const)('the program %j is recognized as a shell', (program, shell) => {
    expect(shellOf(program)).toBe(shell);
  });

  it.each(['', 'node', 'make', 'tcsh', 'nu', 'bash-completion', 'toString'])(
    'the program %j is not a shell',
    (program) => {
      expect(shellOf(program)).toBeUndefined();
    },
  );
});

it.each([
  ['sh', `export A='it'\\''s \\ $b';`, 'unset A;'],
  ['fish', `set -gx A 'it\\'s \\\\ $b';`, 'set -e A;'],
] as const)('%s gets a text in single quotes, and a command that unsets it', (shell, setting, unsetting) => {
  expect(settingLine(shell, 'A', "it's \\ $b")).toBe(setting);
  expect(unsettingLine(shell, 'A')).toBe(unsetting);
});

// Not in the real ones: these do not run where the tests do.
describe('PowerShell', () => {
  it('PowerShell gets a text in single quotes', () => {
    expect(settingLine('powershell', 'AWS_SESSION_TOKEN', 'a+b/c==')).toBe("$Env:AWS_SESSION_TOKEN = 'a+b/c=='");
    expect(settingLine('powershell', 'A', '$(b) `c` "d" %e% \\ ^')).toBe('$Env:A = \'$(b) `c` "d" %e% \\ ^\'');
  });

  it('PowerShell gets every kind of single quote doubled, also typographic ones', () => {
    expect(settingLine('powershell', 'A', "it's")).toBe("$Env:A = 'it''s'");
    expect(settingLine('powershell', 'A', '\u2018a\u2019b\u201ac\u201bd\u201c')).toBe(
      "$Env:A = '\u2018\u2018a\u2019\u2019b\u201a\u201ac\u201b\u201bd\u201c'",
    );
  });

  it('PowerShell gets a command that unsets a variable, also one that is not set', () => {
    expect(unsettingLine('powershell', 'A')).toBe('Remove-Item Env:A -ErrorAction SilentlyContinue');
  });
});

describe('cmd', () => {
  it('cmd gets a text with special characters in quotes', () => {
    expect(settingLine('cmd', 'AWS_SESSION_TOKEN', 'a+b/c==')).toBe('set "AWS_SESSION_TOKEN=a+b/c=="');
    expect(settingLine('cmd', 'A', "a&b|c<d>e^f(g)'h ")).toBe('set "A=a&b|c<d>e^f(g)\'h "');
    expect(unsettingLine('cmd', 'A')).toBe('set "A="');
  });

  it.each(['%PATH%', 'a"&calc', 'a!b'])(
    'cmd does not get %j, which has another meaning at its prompt or in a file',
    (value) => {
      expect(() => settingLine('cmd', 'AWS_SESSION_TOKEN', value)).toThrow('AWS_SESSION_TOKEN holds');
    },
  );
});

it.each(['sh', 'fish', 'powershell', 'cmd'] as const)(
  '%s does not get a line break, and the error shows no secret',
  (shell) => {
    for (const value of ['a\nb', 'a\rb', 'a\0b', 'a\tb', 'a\x1b[31mb', 'a\u0085b', 'a\ud800b']) {
      expect(() => settingLine(shell, 'AWS_SECRET_ACCESS_KEY', value)).toThrow(
        /^AWS_SECRET_ACCESS_KEY holds a line break or another control character: AWS credentials never do$/,
      );
    }
  },
);

it.each([
  ['sh', 'eval "$(aws-mfa-agent env)"'],
  ['fish', 'aws-mfa-agent env | source'],
  ['powershell', 'aws-mfa-agent env | Out-String | Invoke-Expression'],
  ['cmd', 'for /f "delims=" %i in (\'aws-mfa-agent env\') do @%i'],
] as const)('%s gets the printed lines by its own command', (shell, command) => {
  expect(evaluated(shell, 'aws-mfa-agent env')).toBe(command);
});
