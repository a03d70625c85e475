import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { needs } from '../needs.ts';
import { PROGRAM, type Running, run } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { onTerminal } from '../terminal.ts';

const ODD = ["it's mine", 'two words', 'say "hi" now', 'team:prod', '$(touch made)', 'back\\slash', 'Größe', '日本'];

let sandbox: Sandbox;
let env: NodeJS.ProcessEnv;
let other: string;

beforeAll(async () => {
  sandbox = await startSandbox();
  const bin = join(sandbox.home, 'bin');
  await mkdir(bin);
  await symlink(PROGRAM, join(bin, 'aws-mfa-agent'));
  await writeFile(join(bin, 'other-tool-of-mine'), '#!/bin/sh\n');
  await chmod(join(bin, 'other-tool-of-mine'), 0o755);
  await writeFile(join(sandbox.home, 'a file.txt'), '');
  const folder = join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent');
  await mkdir(folder);
  await writeFile(join(folder, 'config.ini'), ['mfa', ...ODD].map((name) => `[${name}]\n`).join(''));
  other = join(sandbox.home, 'other.ini');
  await writeFile(other, '[elsewhere]\n');
  // As a profile's name goes before a folder's.
  await mkdir(join(sandbox.home, 'mfa'));
  env = { ...sandbox.env, PATH: `${bin}:${process.env.PATH}`, LC_ALL: 'C.UTF-8', COLUMNS: '200', PS1: '$ ' };
});
afterAll(() => sandbox.close());

/** A shell on a terminal, in which the test types. */
interface Session {
  /** What is on the command line after these keys. */
  after(keys: string): Promise<string>;
  /** What the shell shows while these keys are typed. */
  shown(keys: string): Promise<string>;
  end(): Promise<unknown>;
}

const [BEGIN, END] = ['\x01', '\x02'];
const KILL_LINE = '\x15';
const SHOW_LINE = '\x18p';

/** @param setup has Ctrl-X p write the command line between {@link BEGIN} and {@link END} */
async function session(shell: string, setup: string[]): Promise<Session> {
  const terminal: Running = onTerminal(`cd '${sandbox.home}' && stty cols 200 && exec ${shell}`, env);
  let lines = 0;
  let seen = 0;
  const show = async (keys: string) => {
    terminal.child.stdin?.write(`${keys}${SHOW_LINE}`);
    lines += 1;
    await terminal.says(new RegExp(`(?:${BEGIN}[^${END}]*${END}[^${BEGIN}]*){${lines}}`));
    const shown = terminal.output().slice(seen);
    seen = terminal.output().length;
    terminal.child.stdin?.write(KILL_LINE);
    return shown;
  };
  terminal.child.stdin?.write(`${setup.join('\n')}\n`);
  return {
    after: async (keys) => new RegExp(`${BEGIN}([^${END}]*)${END}`).exec(await show(keys))?.[1] ?? '',
    shown: show,
    end: () => {
      terminal.child.stdin?.end('exit\n');
      return terminal.ended;
    },
  };
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

const COMMANDS = createProgram()
  .createHelp()
  .visibleCommands(createProgram())
  .map((command) => command.name());

describe('completion', () => {
  it('completion supports three shells, and says which', async () => {
    expect(await run(['completion', 'tcsh'], sandbox.env)).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining('bash, zsh, fish'),
    });
  });

  it('completion gives the names of the profiles, and nothing when the settings are wrong', async () => {
    expect(lines((await run(['profile-names'], sandbox.env)).stdout)).toEqual(['mfa', ...ODD]);
    expect((await run(['profile-names', '--source'], sandbox.env)).stdout).toBe('default\nwork\n');
    expect((await run(['--help'], sandbox.env)).stdout).not.toContain('profile-names');
  });

  it('completion gives source profiles of ~/.aws/config too, also with a name in quotes or a credential_process', async () => {
    const file = join(sandbox.home, '.aws', 'teams');
    const keys = 'aws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = secret\n';
    await writeFile(
      file,
      `[profile "my team"]\n${keys}[profile vault]\ncredential_process = pass show aws\n[profile sso]\ncredential_process = sso\n`,
    );
    const { stdout } = await run(['profile-names', '--source'], { ...sandbox.env, AWS_CONFIG_FILE: file });
    expect(lines(stdout)).toEqual(['default', 'work', 'my team', 'vault']);
  });

  it('completion gives the names of role profiles, and of the usual MFA profile that they come from', async () => {
    const file = join(sandbox.home, 'roles.ini');
    const role = (name: string, source: string) =>
      `[${name}]\nrole_arn = arn:aws:iam::123456789012:role/${name}\nsource_profile = ${source}\n`;
    await writeFile(file, role('admin', 'mfa') + role('reader', 'admin'));
    expect(lines((await run(['profile-names', '--config', file], sandbox.env)).stdout)).toEqual([
      'mfa',
      'admin',
      'reader',
    ]);
  });
});

describe('bash completion', needs('script', 'bash'), () => {
  let bash: Session;
  beforeAll(async () => {
    bash = await session('bash --norc --noprofile -i', [
      'eval "$(aws-mfa-agent completion bash)"',
      'bind "set bell-style none" "set show-all-if-ambiguous on" "set page-completions off" "set completion-query-items 0"',
      `bind -x '"\\C-xp": printf "\\1%s\\2" "$READLINE_LINE"'`,
    ]);
  });
  afterAll(() => bash.end());

  it('bash completion completes commands, options and their values', async () => {
    expect(await bash.after('aws-mfa-agent sta\t')).toBe('aws-mfa-agent status ');
    expect(await bash.after('aws-mfa-agent status --js\t')).toBe('aws-mfa-agent status --json ');
    expect(await bash.after('aws-mfa-agent env --shell f\t')).toBe('aws-mfa-agent env --shell fish ');
    expect(await bash.after('aws-mfa-agent env --shell=f\t')).toBe('aws-mfa-agent env --shell=fish ');
    expect(await bash.after('aws-mfa-agent refresh --token-code sta\t')).toBe('aws-mfa-agent refresh --token-code sta');
    expect(await bash.after('aws-mfa-agent refresh --source-profile de\t')).toMatch(/default $/);
    const shown = await bash.shown('aws-mfa-agent \t');
    for (const command of COMMANDS) expect(shown).toContain(command);
  });

  it.each([
    ['it', "it\\'s\\ mine "],
    ["it\\'s", "it\\'s\\ mine "],
    ['"it', '"it\'s mine" '],
    ["'tw", "'two words' "],
    ['"say', '"say \\"hi\\" now" '],
    ['team:p', 'team:prod '],
    ['te', 'team:prod '],
    ['\\$', '\\$\\(touch\\ made\\) '],
    ['ba', 'back\\\\slash '],
    ['Gr', 'Größe '],
    ['日', '日本 '],
    ['mf', 'mfa '],
  ])('bash completion quotes the profile %s for the shell', async (typed, wanted) => {
    expect(await bash.after(`aws-mfa-agent snooze 1h ${typed}\t`)).toBe(`aws-mfa-agent snooze 1h ${wanted}`);
  });

  it('bash completion completes files for --config, and the profiles of that file', async () => {
    expect(await bash.after('aws-mfa-agent --config a\t')).toBe('aws-mfa-agent --config a\\ file.txt ');
    expect(await bash.after('aws-mfa-agent --config other.ini status e\t')).toMatch(/ elsewhere $/);
    expect(await bash.after('aws-mfa-agent status --config=other.ini e\t')).toMatch(/ elsewhere $/);
    expect(await bash.after('aws-mfa-agent --config other.ini exec --server --profile e\t')).toMatch(/ elsewhere $/);
  });

  it('bash completion completes the command that exec runs', async () => {
    expect(await bash.after('aws-mfa-agent exec mfa -\t')).toBe('aws-mfa-agent exec mfa --');
    expect(await bash.after('aws-mfa-agent exec -- other-to\t')).toBe('aws-mfa-agent exec -- other-tool-of-mine ');
    expect(await bash.after('aws-mfa-agent exec mfa -- cat a\t')).toBe('aws-mfa-agent exec mfa -- cat a\\ file.txt ');
  });

  it('bash completion shows no error when the settings are wrong', async () => {
    expect(await bash.shown('aws-mfa-agent --config nowhere.ini status \t')).not.toMatch(/cannot|error/);
  });
});

describe('zsh completion', needs('script', 'zsh'), () => {
  let zsh: Session;
  beforeAll(async () => {
    zsh = await session('zsh -f -i', [
      'autoload -U compinit && compinit -u -D && source <(aws-mfa-agent completion zsh)',
      `show-line() { printf '\\1%s\\2' "$BUFFER"; }; zle -N show-line; bindkey '^Xp' show-line; bindkey '^U' kill-whole-line`,
      'LISTMAX=1000; setopt NO_BEEP NO_ALWAYS_LAST_PROMPT',
    ]);
  });
  afterAll(() => zsh.end());

  it('zsh completion completes commands, options and their values', async () => {
    expect(await zsh.after('aws-mfa-agent sta\t')).toBe('aws-mfa-agent status ');
    expect(await zsh.after('aws-mfa-agent status --js\t')).toBe('aws-mfa-agent status --json ');
    expect(await zsh.after('aws-mfa-agent env --shell f\t')).toBe('aws-mfa-agent env --shell fish ');
    expect(await zsh.after('aws-mfa-agent env --shell=f\t')).toBe('aws-mfa-agent env --shell=fish ');
    expect(await zsh.after('aws-mfa-agent refresh --source-profile de\t')).toMatch(/default $/);
  });

  it('zsh completion describes the commands and the options', async () => {
    const commands = await zsh.shown('aws-mfa-agent \t');
    for (const command of COMMANDS) expect(commands).toContain(command);
    expect(commands).toContain('do not ask for this long');
    expect(await zsh.shown('aws-mfa-agent refresh --\t')).toMatch(/--token-code +-- use this code of the MFA device/);
  });

  it.each([
    ['it', "it\\'s\\ mine "],
    ["'tw", "'two words' "],
    ['say', 'say\\ \\"hi\\"\\ now '],
    ['team:p', 'team:prod '],
    ['\\$', '\\$\\(touch\\ made\\) '],
    ['ba', 'back\\\\slash '],
    ['Gr', 'Größe '],
    ['日', '日本 '],
    ['mf', 'mfa '],
  ])('zsh completion quotes the profile %s for the shell', async (typed, wanted) => {
    expect(await zsh.after(`aws-mfa-agent snooze 1h ${typed}\t`)).toBe(`aws-mfa-agent snooze 1h ${wanted}`);
  });

  it('zsh completion completes files for --config, and the profiles of that file', async () => {
    expect(await zsh.after('aws-mfa-agent --config a\t')).toBe('aws-mfa-agent --config a\\ file.txt ');
    expect(await zsh.after('aws-mfa-agent --config other.ini status e\t')).toMatch(/ elsewhere $/);
    expect(await zsh.after('aws-mfa-agent status --config=other.ini e\t')).toMatch(/ elsewhere $/);
  });

  it('zsh completion completes the command that exec runs', async () => {
    expect(await zsh.after('aws-mfa-agent exec mfa \t')).toBe('aws-mfa-agent exec mfa -- ');
    expect(await zsh.after('aws-mfa-agent exec -- other-to\t')).toBe('aws-mfa-agent exec -- other-tool-of-mine ');
    expect(await zsh.after('aws-mfa-agent exec mfa -- cat a\t')).toBe('aws-mfa-agent exec mfa -- cat a\\ file.txt ');
  });

  it('zsh completion shows no error when the settings are wrong', async () => {
    expect(await zsh.shown('aws-mfa-agent --config nowhere.ini status \t')).not.toMatch(/cannot|error/);
  });

  it('zsh completion works as a file in $fpath', async () => {
    const folder = join(sandbox.home, 'functions');
    await mkdir(folder);
    await writeFile(join(folder, '_aws-mfa-agent'), (await run(['completion', 'zsh'], sandbox.env)).stdout);
    const found = await session('zsh -f -i', [
      `fpath=(${folder} $fpath); autoload -U compinit && compinit -u -D`,
      `show-line() { printf '\\1%s\\2' "$BUFFER"; }; zle -N show-line; bindkey '^Xp' show-line; bindkey '^U' kill-whole-line`,
    ]);
    expect(await found.after('aws-mfa-agent sta\t')).toBe('aws-mfa-agent status ');
    expect(await found.after('aws-mfa-agent status mf\t')).toBe('aws-mfa-agent status mfa ');
    await found.end();
  });
});

describe('fish completion', needs('script', 'fish'), () => {
  /** Candidates, each with its description behind a tab. */
  const candidates = (line: string) =>
    lines(
      execFileSync('fish', ['--no-config', '-c', 'aws-mfa-agent completion fish | source; complete -C "$LINE"'], {
        env: { ...env, LINE: line },
        cwd: sandbox.home,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
  const names = (line: string) => candidates(line).map((candidate) => candidate.split('\t')[0]);

  it('fish completion completes commands and options with descriptions, and the values of options', () => {
    expect(names('aws-mfa-agent ').sort()).toEqual([...COMMANDS].sort());
    expect(candidates('aws-mfa-agent snoo')).toEqual(['snooze\tdo not ask for this long']);
    expect(candidates('aws-mfa-agent status --js')).toEqual(['--json\tprint JSON']);
    expect(names('aws-mfa-agent env --shell f')).toEqual(['fish']);
    expect(names('aws-mfa-agent env --shell=f')).toEqual(['--shell=fish']);
    expect(names('aws-mfa-agent refresh --source-profile ')).toEqual(['default', 'work']);
    expect(names('aws-mfa-agent refresh --token-code ')).toEqual([]);
  });

  it('fish completion completes profiles of any name where one is expected', () => {
    expect(names('aws-mfa-agent status ').sort()).toEqual(['mfa', ...ODD].sort());
    expect(names('aws-mfa-agent refresh --token-code 123456 mf')).toEqual(['mfa']);
    expect(names('aws-mfa-agent refresh mfa ')).toEqual([]);
    expect(names('aws-mfa-agent snooze ')).toEqual([]);
    expect(names('aws-mfa-agent snooze 1h m')).toEqual(['mfa']);
  });

  it('fish completion completes files for --config, and the profiles of that file', () => {
    expect(names('aws-mfa-agent --config a')).toEqual(['a file.txt']);
    expect(names('aws-mfa-agent --config other.ini status ')).toEqual(['elsewhere']);
    expect(names('aws-mfa-agent status --config=other.ini ')).toEqual(['elsewhere']);
    expect(names('aws-mfa-agent --config nowhere.ini status ')).toEqual([]);
  });

  it('fish completion completes the command that exec runs', () => {
    expect(names('aws-mfa-agent exec mfa ')).toEqual(['--']);
    expect(names('aws-mfa-agent exec -- other-to')).toEqual(['other-tool-of-mine']);
    expect(names("aws-mfa-agent exec 'two words' -- cat a")).toEqual(['a file.txt']);
    expect(names('aws-mfa-agent exec mfa -- aws-mfa-agent sta')).toEqual(['status']);
  });
});

it('fish completion does not run anything in a name', async () => {
  await expect(readFile(join(sandbox.home, 'made'))).rejects.toMatchObject({ code: 'ENOENT' });
});
