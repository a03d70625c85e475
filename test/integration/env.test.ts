import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withSession } from '../../src/credentials/edit.ts';
import type { MfaSession } from '../../src/session/session.ts';
import { settingLine, unsettingLine } from '../../src/session/shells.ts';
import { needs } from '../needs.ts';
import { PROGRAM, run } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await startSandbox({ tolerance: 9 });
});
afterEach(() => sandbox.close());

async function put(session: MfaSession, changed: (text: string) => string = (text) => text): Promise<MfaSession> {
  const bytes = withSession(await readFile(sandbox.credentialsFile), 'mfa', session);
  await writeFile(sandbox.credentialsFile, changed(bytes.toString('latin1')), 'latin1');
  return session;
}
const withoutExpiry = (text: string) => text.replace(/^expiration.*\n/m, '');
const issue = (seconds: number) => sandbox.sts.issue('alice', seconds);
const variablesOf = ({ accessKeyId, secretAccessKey, sessionToken, expiration }: MfaSession) => ({
  AWS_ACCESS_KEY_ID: accessKeyId,
  AWS_SECRET_ACCESS_KEY: secretAccessKey,
  AWS_SESSION_TOKEN: sessionToken,
  AWS_CREDENTIAL_EXPIRATION: new Date(expiration).toISOString().replace('.000', ''),
});

describe('env', () => {
  it('env prints the four variables, for the shell that is named', async () => {
    const { AWS_CREDENTIAL_EXPIRATION, ...keys } = variablesOf(await put(issue(3600)));
    const ended = await run(['env', '--shell', 'bash'], sandbox.env);
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    const lines = Object.entries({ ...keys, AWS_CREDENTIAL_EXPIRATION }).map(
      ([name, value]) => `export ${name}='${value}';`,
    );
    expect(ended.stdout).toBe(`${lines.join('\n')}\n`);
    expect((await run(['env', 'mfa', '--shell', 'fish'], sandbox.env)).stdout).toContain(
      `set -gx AWS_ACCESS_KEY_ID '${keys.AWS_ACCESS_KEY_ID}';\n`,
    );
  });

  it.each([
    ['sh', 'export '],
    ['bash', 'export '],
    ['zsh', 'export '],
    ['fish', 'set -gx '],
    ['powershell', '$Env:'],
    ['cmd', 'set "'],
  ])('env prints the language of the shell that --shell names: %s', async (shell, beginning) => {
    await put(issue(3600));
    const { status, stdout, stderr } = await run(['env', '--shell', shell], sandbox.env);
    expect({ status, stderr, begins: stdout.slice(0, beginning.length) }).toEqual({
      status: 0,
      stderr: '',
      begins: beginning,
    });
  });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['is missing', async () => {}, /^aws-mfa-agent: \[mfa\] holds no session: aws-mfa-agent refresh mfa\n$/],
    [
      'has ended',
      () => put(issue(-60)),
      /^aws-mfa-agent: the session of \[mfa\] ended at .*: aws-mfa-agent refresh mfa\n$/,
    ],
    [
      'is not accepted by AWS any more',
      () => put(issue(-60), withoutExpiry),
      /^aws-mfa-agent: AWS does not accept .*\n$/,
    ],
  ])('env prints nothing, says why and exits with 3 when the session %s', async (_, arrange, reason) => {
    await arrange();
    const ended = await run(['env'], sandbox.env);
    expect(ended).toMatchObject({ status: 3, stdout: '', stderr: expect.stringMatching(reason) });
  });

  it('env --json prints the session in the form of the STS command of the AWS CLI', async () => {
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = await put(issue(3600));
    const ended = await run(['env', '--json'], sandbox.env);
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(ended.stdout)).toEqual({
      Credentials: {
        AccessKeyId: accessKeyId,
        SecretAccessKey: secretAccessKey,
        SessionToken: sessionToken,
        Expiration: new Date(expiration).toISOString().replace('.000', ''),
      },
    });
    for (const other of [['--unset'], ['--shell', 'fish']]) {
      expect(await run(['env', '--json', ...other], sandbox.env)).toMatchObject({ status: 2, stdout: '' });
    }
    await put(issue(600));
    expect((await run(['env', '--json'], sandbox.env)).stderr).toMatch(/^the session of \[mfa\] ends in 9m/);
  });

  it('env prints a session that is due, and says how long it lasts', async () => {
    await put(issue(600));
    const ended = await run(['env', '--shell', 'sh'], sandbox.env);
    expect(ended).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/^the session of \[mfa\] ends in 9m, at .*\n$/),
    });
    expect(ended.stdout.split('\n')).toHaveLength(5);
  });

  it('env checks a session without an expiry with AWS, and unsets an old expiration variable', async () => {
    await put(issue(3600), withoutExpiry);
    const ended = await run(['env', '--shell', 'sh'], sandbox.env);
    expect(ended).toMatchObject({
      status: 0,
      stderr: '',
      stdout: expect.stringContaining('\nunset AWS_CREDENTIAL_EXPIRATION;\n'),
    });
    expect(sandbox.sts.requests).toMatchObject([{ action: 'GetCallerIdentity', outcome: 'granted' }]);
    await sandbox.sts.close();
    expect(await run(['env', '--shell', 'sh'], sandbox.env)).toMatchObject({ status: 0 });
  });

  it('env unsets the old token variable if it is set, and warns of a profile that overrides the keys', async () => {
    await put(issue(3600));
    const env = { ...sandbox.env, AWS_SECURITY_TOKEN: 'old', AWS_PROFILE: 'work' };
    const ended = await run(['env', '--shell', 'sh'], env);
    expect(ended.stdout).toMatch(/^unset AWS_SECURITY_TOKEN;$/m);
    expect(ended).toMatchObject({ status: 0, stderr: expect.stringMatching(/^AWS_PROFILE=work is set: .*\n$/) });
    expect((await run(['env', '--shell', 'sh'], { ...sandbox.env, AWS_PROFILE: 'mfa' })).stderr).toBe('');
  });

  it('env --unset works without a session and without settings', async () => {
    const broken = join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent');
    await mkdir(broken, { recursive: true });
    await writeFile(join(broken, 'config.ini'), 'nonsense = 1\n');
    expect(await run(['env', '--unset', '--shell', 'zsh'], sandbox.env)).toMatchObject({
      status: 0,
      stderr: '',
      stdout:
        'unset AWS_ACCESS_KEY_ID;\nunset AWS_SECRET_ACCESS_KEY;\nunset AWS_SESSION_TOKEN;\nunset AWS_CREDENTIAL_EXPIRATION;\n',
    });
  });

  it('env names the supported shells in its help, and for an unknown one', async () => {
    const names = ['sh', 'bash', 'zsh', 'fish', 'powershell', 'cmd'];
    const refused = await run(['env', '--shell', 'tcsh'], sandbox.env);
    expect(refused).toMatchObject({
      status: 2,
      stderr: expect.stringContaining(`must be one of ${names.join(', ')}\n`),
    });
    const { stdout } = await run(['env', '--help'], sandbox.env);
    expect(stdout.replace(/\s+/g, ' ')).toContain(`choices: ${names.map((name) => `"${name}"`).join(', ')}`);
  });

  it('env refuses long-term keys, an unknown shell or profile, and a secret with control characters', async () => {
    const { accessKeyId } = await put(issue(3600), (text) => text.replace(/^aws_session_token = /m, '$&\x7f'));
    const odd = await run(['env', '--shell', 'sh'], sandbox.env);
    expect(odd).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('AWS_SESSION_TOKEN holds') });
    expect(odd.stderr).not.toContain(accessKeyId);
    for (const args of [['--shell', 'tcsh'], ['nobody'], ['--shel', 'sh']]) {
      expect(await run(['env', ...args], sandbox.env)).toMatchObject({ status: 2, stdout: '' });
    }
    const text = await readFile(sandbox.credentialsFile, 'latin1');
    await writeFile(sandbox.credentialsFile, text.replace('[mfa]', '[other]').replace('[default]', '[mfa]'), 'latin1');
    expect(await run(['env'], sandbox.env)).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining('holds long-term keys, not a session'),
    });
  });

  it('env prints to a terminal too, and says what the lines are for', needs('Linux', 'script'), async () => {
    const { accessKeyId } = await put(issue(3600));
    const line = `'${process.execPath}' '${PROGRAM}' env`;
    const { stdout } = spawnSync('script', ['-qec', line, '/dev/null'], { env: { ...sandbox.env, SHELL: '/bin/sh' } });
    expect(String(stdout)).toContain(`export AWS_ACCESS_KEY_ID='${accessKeyId}';`);
    expect(String(stdout)).toContain('these lines are for your shell: eval "$(aws-mfa-agent env --shell sh)"');
  });
});

/** Each with how a script has the lines of a command run. */
const SHELLS = [
  { shell: 'bash', language: 'sh', evaluated: (command: string) => `eval "$(${command})"` },
  { shell: 'dash', language: 'sh', evaluated: (command: string) => `eval "$(${command})"` },
  { shell: 'zsh', language: 'sh', evaluated: (command: string) => `eval "$(${command})"` },
  { shell: 'fish', language: 'fish', evaluated: (command: string) => `${command} | source` },
] as const;

const NASTY = [
  'a+b/c==',
  "it's",
  "'",
  "''",
  "'a'b''c'",
  '\\',
  "\\'",
  "'\\",
  '\\\\n\\x41\\',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell must not read it either
  '"double" $HOME ${PATH} $(id) `id` $((1+1))',
  '%PATH% %s %% !! !$ !event ^caret^ a!b',
  '* ? [a-z] {a,b} ~ # ; & | < > ( ) = -n',
  '  blanks  at both ends  ',
  'ümläut ☃ 🔑 日本語 \u2018\u2019',
  '',
];

/** Not in the environment that they would change. */
const SHOW = `'${process.execPath}' -e 'process.stdout.write(JSON.stringify(process.env))'`;

for (const { shell, language, evaluated } of SHELLS) {
  describe(shell, needs(shell), () => {
    const after = (script: string, env: NodeJS.ProcessEnv = sandbox.env) =>
      JSON.parse(
        execFileSync(shell, ['-c', `${script}\n${SHOW}`], { env: { ...env, LC_ALL: 'C.UTF-8' }, encoding: 'utf8' }),
      );

    it(`${shell} reads every value unchanged, and exports it`, () => {
      const lines = NASTY.map((value, index) => settingLine(language, `NASTY_${index}`, value));
      expect(after(lines.join('\n'))).toMatchObject(
        Object.fromEntries(NASTY.map((value, index) => [`NASTY_${index}`, value])),
      );
    });

    it(`${shell} unsets a variable, also one that is not set`, () => {
      const script = ['NASTY', 'NEVER_SET'].map((name) => unsettingLine(language, name)).join('\n');
      const variables = after(script, { ...sandbox.env, NASTY: '1', KEPT: '2' });
      expect(variables).toMatchObject({ KEPT: '2' });
      expect(variables).not.toHaveProperty('NASTY');
    });

    it(`${shell} gets the session from env, which recognizes the calling shell`, async () => {
      const session = variablesOf(await put(issue(3600)));
      const program = `'${process.execPath}' '${PROGRAM}' env`;
      const env = { ...sandbox.env, SHELL: language === 'fish' ? '/bin/bash' : '/usr/bin/fish' };
      expect(after(evaluated(program), env)).toMatchObject(session);
      const unset = after(`${evaluated(program)}\n${evaluated(`${program} --unset`)}`, env);
      for (const name of Object.keys(session)) expect(unset).not.toHaveProperty(name);
    });
  });
}

describe('bash, reading env', needs('bash'), () => {
  it('bash gets the session also from an eval without quotes', async () => {
    const session = variablesOf(await put(issue(3600)));
    const script = `eval $('${process.execPath}' '${PROGRAM}' env)\n${SHOW}`;
    expect(JSON.parse(execFileSync('bash', ['-c', script], { env: sandbox.env, encoding: 'utf8' }))).toMatchObject(
      session,
    );
  });
});

describe('zsh, reading env', needs('zsh'), () => {
  it('zsh reads quotes unchanged with its option that two of them mean one', () => {
    const lines = NASTY.map((value, index) => settingLine('sh', `NASTY_${index}`, value)).join('\n');
    // The option holds for what is parsed after it is set.
    const args = ['-o', 'RC_QUOTES', '-c', `${lines}\n${SHOW}`];
    const variables = JSON.parse(execFileSync('zsh', args, { env: sandbox.env, encoding: 'utf8' }));
    expect(variables).toMatchObject(Object.fromEntries(NASTY.map((value, index) => [`NASTY_${index}`, value])));
  });
});
