import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withSession } from '../../src/credentials/edit.ts';
import { plain, plainJson, shellWord } from '../../src/plain.ts';
import { needs } from '../needs.ts';
import { PROGRAM, run, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { onTerminal, quoted } from '../terminal.ts';

let sandbox: Sandbox;
let settingsFile: string;

beforeEach(async () => {
  sandbox = await startSandbox({ tolerance: 9 });
  settingsFile = join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent', 'config.ini');
  await mkdir(dirname(settingsFile), { recursive: true });
});
afterEach(() => sandbox.close());

const command = (...words: string[]) => run(words, sandbox.env);
const session = async (profile = 'mfa', seconds = 3600) =>
  writeFile(
    sandbox.credentialsFile,
    withSession(await readFile(sandbox.credentialsFile), profile, sandbox.sts.issue('alice', seconds)),
  );

/** What must not reach a terminal: control characters but the line feed, C1 among them, and what turns the direction. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are meant
const HARMFUL = /[\0-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]/;
/** An escape sequence, the same with C1, a backspace, an override of the direction, and a line separator. */
const EVIL = 'a\x1b[2Jb\x9b31mc\bd\u202ee\u2028f';

describe('a message', () => {
  it('a message from AWS has no control characters when a command shows it', async () => {
    const refusal = `<ErrorResponse><Error><Code>EvilCode</Code><Message>${EVIL}</Message></Error></ErrorResponse>`;
    const server = createServer((_, answer) => answer.writeHead(400, { 'Content-Type': 'text/xml' }).end(refusal));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const ended = await run(['refresh', '--token-code', sandbox.code()], { ...sandbox.env, AWS_ENDPOINT_URL_STS: url });
    server.close();
    expect(ended.status).toBe(1);
    expect(ended.stderr).toMatch(/a.\[2Jb.31mc.d.e.f/);
    expect(ended.stderr).not.toMatch(HARMFUL);
  });

  it.each([
    ['refresh', ['refresh', 'no\u202esuch']],
    ['env', ['env', 'no\x9bsuch']],
    ['exec', ['exec', 'no\x1b[2Jsuch', '--', 'true']],
    ['exec of a missing program', ['exec', 'mfa', '--', './no\x1b[2J\u202esuch']],
    ['status', ['status', 'no\bsuch']],
    ['credential-process', ['credential-process', 'no\u2028such']],
    ['the parser', ['no\u202esuch']],
    ['an option', ['status', '--no\x9bsuch']],
    ['--config', ['status', '--config', '/no/\x1b[2Jsuch']],
    ['--debug', ['status', 'no\x1b[2Jsuch', '--debug']],
  ])('a name from the command line has no control characters in a message: %s', async (_, words) => {
    await session();
    const ended = await command(...words);
    expect(ended.status).toBeGreaterThan(0);
    expect(ended.stderr).toContain('such');
    expect(ended.stderr).not.toMatch(HARMFUL);
  });

  it('the name of a profile has no control characters in JSON, which still has the same value', async () => {
    await writeFile(settingsFile, `[mfa\u202ex]\nmfa_serial = ${sandbox.serialNumber}\n`);
    for (const words of [
      ['status', '--json'],
      ['doctor', '--json'],
    ]) {
      const { stdout } = await command(...words);
      expect(stdout).not.toMatch(HARMFUL);
      expect(JSON.stringify(JSON.parse(stdout))).toContain('mfa\u202ex');
    }
  });

  it('the log has no control characters', async () => {
    await writeFile(settingsFile, `check = * * * * * *\n[mfa\u202ex]\nmfa_serial = ${sandbox.serialNumber}\n`);
    const agent = start(['run'], sandbox.env);
    await agent.says(/"standing"/);
    expect(agent.output()).not.toMatch(HARMFUL);
    expect(agent.output()).toContain('mfa\\u202ex');
    agent.child.kill('SIGTERM');
    await agent.ended;
  });

  it('a suggested command can be pasted, whatever the name of the profile', async () => {
    const name = "$(touch /tmp/x) 'a'";
    await writeFile(settingsFile, `["${name}"]\nmfa_serial = ${sandbox.serialNumber}\n`);
    const ended = await command('env', name);
    expect(ended.status).toBe(3);
    expect(ended.stderr.trimEnd()).toMatch(/: aws-mfa-agent refresh '\$\(touch \/tmp\/x\) '\\''a'\\'''$/);
    const { stdout } = await command('doctor');
    expect(stdout).toContain(`aws-mfa-agent refresh ${shellWord(name)}`);
  });

  it('a code in the wrong place is not repeated', async () => {
    const code = sandbox.code();
    const spelled = `${code.slice(0, 3)}-${code.slice(3)}`;
    const wrong = [
      [code],
      ['refresh', code],
      ['refresh', spelled],
      ['refresh', '--serial-number', code],
      [`refresh`, `--serial-number=${code}`],
      ['refresh', '--source-profile', code, '--token-code', code],
      ['refresh', '--duration-seconds', code],
      ['refresh', '--config', code],
      ['refresh', 'mfa', code],
      [`--${code}`],
      ['status', code],
      ['env', code],
      ['env', '--shell', code],
      ['exec', code, '--', 'true'],
      ['credential-process', code],
      ['credential-process', '--timeout', code],
      ['snooze', code],
      ['completion', code],
      ['setup', '--profile', 'x', '--serial-number', code],
      ['setup', '--prompt-before', code],
      ['help', code],
      ['refresh', code, '--debug'],
    ];
    for (const words of wrong) {
      const ended = await command(...words);
      expect(ended.status, words.join(' ')).toBeGreaterThan(0);
      expect(ended.stderr + ended.stdout, words.join(' ')).not.toContain(code);
      expect(ended.stderr + ended.stdout, words.join(' ')).not.toContain(spelled);
    }
    expect(sandbox.sts.requests).toEqual([]);
  }, 60_000);
});

describe('the arguments', () => {
  it('the arguments of refresh are validated also while the session is fresh', async () => {
    await session('mfa', 43_200);
    for (const words of [
      ['--token-code', '12ab'],
      ['--token-code', ''],
      ['--duration-seconds', '5'],
      ['--serial-number', 'x'],
    ]) {
      expect(await command('refresh', ...words), words.join(' ')).toMatchObject({ status: 2, stdout: '' });
    }
  });

  it('the arguments of setup are validated before anything is asked or written', async () => {
    const ended = await command('setup', '--yes', '--token-code', '12ab');
    expect(ended).toMatchObject({ status: 2, stderr: 'aws-mfa-agent: --token-code: not six digits\n' });
    await expect(readFile(settingsFile)).rejects.toThrow('ENOENT');
  });

  it('the arguments of snooze are validated also when no agent is running', async () => {
    for (const duration of ['1x', '', '0s', '8d', '-1h']) {
      expect(await command('snooze', '--', duration)).toMatchObject({
        status: 2,
        stderr: 'aws-mfa-agent: duration: off, or 1s to 7d, such as 30m or 2h\n',
      });
    }
    expect(await command('snooze', '30m')).toMatchObject({ status: 1, stderr: expect.stringContaining('not running') });
  });

  it('help names a command that does not exist', async () => {
    expect(await command('help', 'nope')).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(/^error: unknown command 'nope'\n/),
    });
    expect((await command('help', 'statu')).stderr).toContain('Did you mean status?');
    expect(await command('help', 'status')).toMatchObject({ status: 0, stdout: expect.stringContaining('--watch') });
    expect(await command('help', 'help')).toMatchObject({ status: 0 });
    expect(await command('help')).toMatchObject({ status: 0 });
  });

  it('exec runs its command without the dashes if the first word is a profile', async () => {
    await session('mfa', 43_200);
    const printed = await command('exec', 'mfa', 'sh', '-c', 'echo "$AWS_ACCESS_KEY_ID $1"', 'x', '--json');
    expect(printed).toMatchObject({ status: 0, stdout: expect.stringMatching(/^ASIA\w+ --json\n$/) });
    const options = await command('exec', '--min', '1h', 'mfa', 'printf', '%s ', '--debug', '--profile', 'x');
    expect(options).toMatchObject({ status: 0, stdout: '--debug --profile x ' });
    expect(await command('exec', 'ls', 'mfa')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('two dashes'),
    });
    expect(await command('exec', 'mfa')).toMatchObject({ status: 2, stderr: expect.stringContaining('two dashes') });
  });
});

describe('a credential_process', () => {
  /** Replaces the keys of `[default]` by this command. */
  const source = async (line: string) => {
    await writeFile(sandbox.credentialsFile, '');
    await writeFile(
      sandbox.configFile,
      [
        '[default]',
        `region = eu-west-1\nmfa_serial = ${sandbox.serialNumber}`,
        `credential_process = ${line}`,
        '',
      ].join('\n'),
    );
  };
  const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCY+EXAMPLEKEY';
  const FAILING = `sh -c 'echo "+ curl -d ${SECRET}" >&2; exit 3'`;

  it('a credential_process that fails shows nothing of its standard error, in no output and not on the socket', async () => {
    await source(FAILING);
    const ended = await command('refresh', '--token-code', sandbox.code());
    expect(ended.status).toBeGreaterThan(0);
    expect(ended.stderr).toMatch(/the credential_process failed \(exit status 3\)/);
    expect(ended.stderr).not.toContain('curl');

    const folder = settingsFile;
    await writeFile(folder, `check = * * * * * *\nprompt = mfa_process\n[mfa]\nmfa_process = echo ${sandbox.code()}\n`);
    const agent = start(['run'], sandbox.env);
    await agent.says(/credential_process failed/);
    const status = await command('status', '--json');
    expect(status.stdout).toContain('credential_process failed');
    for (const text of [agent.output(), status.stdout, (await command('doctor')).stdout]) {
      expect(text).not.toContain('curl');
    }
    agent.child.kill('SIGTERM');
    await agent.ended;
  });

  it('a credential_process that fails is shown by --debug, on a terminal only', needs('script'), async () => {
    await source(FAILING);
    const words = ['refresh', '--debug', '--token-code', sandbox.code()];
    expect((await run(words, sandbox.env)).stderr).not.toContain('curl');
    const terminal = onTerminal(quoted([process.execPath, PROGRAM, ...words]), sandbox.env);
    await terminal.says(/\+ curl -d/);
    await terminal.ended;
  });

  it.each<[string, string, RegExp]>([
    ['null', 'null', /printed no "Version": 1/],
    ['a number', '1', /printed no "Version": 1/],
    ['a list', '[]', /printed no "Version": 1/],
    ['a text', '"x"', /printed no "Version": 1/],
    ['nothing', '', /printed something that is not JSON/],
    [
      'keys that have expired',
      keysUntil('2020-01-01T00:00:00Z'),
      /printed keys that have expired \("2020-01-01T00:00:00Z"\)/,
    ],
    ['an expiration that is not a time', keysUntil('soon'), /printed keys that have expired \("soon"\)/],
    [
      'a secret that is not a text',
      '{"Version":1,"AccessKeyId":"AKIAX","SecretAccessKey":["x"]}',
      /no AccessKeyId and SecretAccessKey/,
    ],
  ])('a credential_process that prints %s is reported in one line', async (_, printed, message) => {
    const file = join(sandbox.home, 'printed');
    await writeFile(file, printed);
    await source(`cat ${file}`);
    const ended = await command('refresh', '--token-code', sandbox.code());
    expect(ended.status).toBe(1);
    expect(ended.stderr).toMatch(message);
    expect(ended.stderr).not.toMatch(/TypeError|unexpected/);
    expect(sandbox.sts.requests).toEqual([]);
  });
});

function keysUntil(expiration: string): string {
  return JSON.stringify({ Version: 1, AccessKeyId: 'AKIAX', SecretAccessKey: 'x', Expiration: expiration });
}

describe('the filter of texts', () => {
  it('plain, plainJson and shellWord keep what is harmless', () => {
    expect(plain('Zoë – 日本 ✓')).toBe('Zoë – 日本 ✓');
    expect(plain(EVIL)).not.toMatch(HARMFUL);
    const json = JSON.stringify({ text: EVIL, emoji: '👩‍💻\u{e0041}' }, null, 2);
    expect(plainJson(json)).not.toMatch(HARMFUL);
    expect(JSON.parse(plainJson(json))).toEqual({ text: EVIL, emoji: '👩‍💻\u{e0041}' });
    expect(shellWord('team-a.b@c:/d')).toBe('team-a.b@c:/d');
    expect(shellWord('')).toBe("''");
  });
});
