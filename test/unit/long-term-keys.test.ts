import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { longTermKeys } from '../../src/keys/long-term-keys.ts';

let folder: string;
let files: { credentials: string; config: string };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'long-term-keys-'));
  files = { credentials: join(folder, 'credentials'), config: join(folder, 'config') };
});
afterEach(() => rmSync(folder, { recursive: true }));

const keys = (name: string) => `aws_access_key_id = AKIA${name}\naws_secret_access_key = secret\n`;

/** The access key ID that is found for a profile. A command gives itself, without the blanks. */
async function idOf(profile: string, { config = '', credentials = '' }): Promise<string> {
  writeFileSync(files.config, config);
  writeFileSync(files.credentials, credentials);
  const run = async (command: string) =>
    JSON.stringify({ Version: 1, AccessKeyId: command.replaceAll(' ', ''), SecretAccessKey: 'secret' });
  return (await longTermKeys(files, profile, run)).accessKeyId;
}

describe('the long-term keys of a profile in ~/.aws/config', () => {
  it.each([
    ['my team', '[profile "my team"]'],
    ['work keys', "[profile 'work keys']"],
    ['team', '[profile\tteam]'],
    ['team', '[profile  team ]'],
    ['team', '[profile "team"] # note'],
    ['my team', '[profile my\\ team]'],
    ["it's", '[profile "it\'s"]'],
    ['default', '[default]'],
    ['default', '[profile default]'],
  ])('the long-term keys are found in [%s] below %s', async (profile, header) => {
    expect(await idOf(profile, { config: `[profile other]\n${keys('OTHER')}${header}\n${keys('X')}` })).toBe('AKIAX');
    expect(await idOf(profile, { config: `${header}\ncredential_process = print keys\n` })).toBe('printkeys');
  });

  it('the long-term keys are those of the last section with the name, like in botocore', async () => {
    const config = `[profile team]\n${keys('1')}[profile "team"]\n${keys('2')}`;
    expect(await idOf('team', { config })).toBe('AKIA2');
  });
});

describe('the long-term keys of a profile in both files', () => {
  const config = `[profile team]\n${keys('CONFIG')}`;
  const command = 'credential_process = print keys\n';

  it('the long-term keys come from the credentials file, then from a command, then from ~/.aws/config', async () => {
    const credentials = `[team]\n${keys('CREDENTIALS')}${command}`;
    expect(await idOf('team', { config: `${config}${command}`, credentials })).toBe('AKIACREDENTIALS');
    expect(await idOf('team', { config: `${config}${command}`, credentials: '[team]\n' })).toBe('printkeys');
    expect(await idOf('team', { config, credentials: '[team]\n' })).toBe('AKIACONFIG');
  });

  it('the long-term keys come from the command in the credentials file if both files have one', async () => {
    const credentials = '[team]\ncredential_process = print others\n';
    expect(await idOf('team', { config: `[profile team]\n${command}`, credentials })).toBe('printothers');
  });

  it('the long-term keys are incomplete if the file with the ID has no secret', async () => {
    const credentials = '[team]\naws_access_key_id = AKIAX\n';
    await expect(idOf('team', { config, credentials })).rejects.toThrow(
      `[team] in ${files.credentials} has no aws_secret_access_key`,
    );
    expect(await idOf('team', { config, credentials: '[team]\naws_secret_access_key = s\n' })).toBe('AKIACONFIG');
  });

  it('the long-term keys are not found if there is only a secret, or nothing', async () => {
    await expect(idOf('team', { credentials: '[team]\naws_secret_access_key = s\n' })).rejects.toThrow(
      `[team] in ${files.credentials} has no aws_access_key_id`,
    );
    await expect(idOf('team', { config: '[team]\n' })).rejects.toThrow('no long-term keys of [team]');
  });
});

it('a credential_process keeps its # and its further lines', async () => {
  const config = '[profile team]\ncredential_process = sh -c "echo #1"\n  --more\n';
  expect(await idOf('team', { config })).toBe('sh-c"echo#1"--more');
});
