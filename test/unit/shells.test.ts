import { describe, expect, it } from 'vitest';
import { evaluated, settingLine, shellOf, unsettingLine } from '../../src/session/shells.ts';

describe('a shell is known by', () => {
  it.each([
    ['bash', 'sh'],
    ['bash\n', 'sh'],
    ['-zsh', 'sh'],
    ['/bin/dash', 'sh'],
    ['/usr/local/bin/fish', 'fish'],
    ['pwsh', 'powershell'],
    ['C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe', 'powershell'],
    ['CMD.EXE', 'cmd'],
  ] as const)('%j', (program, shell) => {
    expect(shellOf(program)).toBe(shell);
  });

  it.each(['', 'node', 'make', 'tcsh', 'nu', 'bash-completion', 'toString'])('%j is none', (program) => {
    expect(shellOf(program)).toBeUndefined();
  });
});

// Not in the real ones: these do not run where the tests do.
describe('PowerShell', () => {
  it('takes a text in single quotes as it is', () => {
    expect(settingLine('powershell', 'AWS_SESSION_TOKEN', 'a+b/c==')).toBe("$Env:AWS_SESSION_TOKEN = 'a+b/c=='");
    expect(settingLine('powershell', 'A', '$(b) `c` "d" %e% \\ ^')).toBe('$Env:A = \'$(b) `c` "d" %e% \\ ^\'');
  });

  it('has every kind of single quote doubled, the typographic ones too', () => {
    expect(settingLine('powershell', 'A', "it's")).toBe("$Env:A = 'it''s'");
    expect(settingLine('powershell', 'A', '\u2018a\u2019b\u201ac\u201bd\u201c')).toBe(
      "$Env:A = '\u2018\u2018a\u2019\u2019b\u201a\u201ac\u201b\u201bd\u201c'",
    );
  });

  it('forgets a variable, also one that it does not have', () => {
    expect(unsettingLine('powershell', 'A')).toBe('Remove-Item Env:A -ErrorAction SilentlyContinue');
  });
});

describe('cmd', () => {
  it('takes a text in quotes with its special characters', () => {
    expect(settingLine('cmd', 'AWS_SESSION_TOKEN', 'a+b/c==')).toBe('set "AWS_SESSION_TOKEN=a+b/c=="');
    expect(settingLine('cmd', 'A', "a&b|c<d>e^f(g)'h ")).toBe('set "A=a&b|c<d>e^f(g)\'h "');
    expect(unsettingLine('cmd', 'A')).toBe('set "A="');
  });

  it.each(['%PATH%', 'a"&calc', 'a!b'])(
    'is not given %j, which means something else at its prompt or in a file',
    (value) => {
      expect(() => settingLine('cmd', 'AWS_SESSION_TOKEN', value)).toThrow('AWS_SESSION_TOKEN holds');
    },
  );
});

it.each(['sh', 'fish', 'powershell', 'cmd'] as const)('%s is given no line break, and no secret is told', (shell) => {
  for (const value of ['a\nb', 'a\rb', 'a\0b', 'a\tb', 'a\x1b[31mb', 'a\u0085b', 'a\ud800b']) {
    expect(() => settingLine(shell, 'AWS_SECRET_ACCESS_KEY', value)).toThrow(
      /^AWS_SECRET_ACCESS_KEY holds a line break or another control character: no credentials of AWS do$/,
    );
  }
});

it.each([
  ['sh', 'eval "$(aws-mfa-agent env)"'],
  ['fish', 'aws-mfa-agent env | source'],
  ['powershell', 'aws-mfa-agent env | Out-String | Invoke-Expression'],
  ['cmd', 'for /f "delims=" %i in (\'aws-mfa-agent env\') do @%i'],
] as const)('tells how to have %s run the lines', (shell, command) => {
  expect(evaluated(shell, 'aws-mfa-agent env')).toBe(command);
});
