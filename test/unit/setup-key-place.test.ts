import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { pathsOf } from '../../src/settings/paths.ts';
import { loadSettings } from '../../src/settings/settings.ts';
import { readAround } from '../../src/setup/around.ts';
import { movesKeys, withKeysInFile } from '../../src/setup/key-place.ts';
import type { Questions } from '../../src/setup/questions.ts';

const PAIR = `aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = ${'x'.repeat(40)}\n`;
const KEYCHAIN = '[mfa]\nmfa_serial = GAHT12345678\nkeys = keychain\n';
const PROCESS = '[default]\ncredential_process = pass show aws\n';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'setup-key-place-'));
  chmodSync(home, 0o755);
});
afterEach(() => rmSync(home, { recursive: true }));

/** @param texts the content of the files; those that are not named are missing */
function load(texts: { credentials?: string; config?: string; settings?: string; company?: string }) {
  const company = join(home, 'etc/company.ini');
  const paths = { ...pathsOf({}, home), company };
  for (const [name, text] of Object.entries(texts)) {
    const file = paths[name as keyof typeof texts] ?? '';
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    writeFileSync(file, text, { mode: 0o644 });
  }
  const settings = loadSettings({ env: {}, home, companyFile: company });
  return { settings, around: readAround(paths, async () => settings, undefined) };
}

describe('where setup keeps the long-term keys', () => {
  const fails = (message: string) => async () => Promise.reject(new UserError(message));

  /** @returns the answer, and the questions that were asked */
  async function moves(
    texts: Parameters<typeof load>[0],
    options: Parameters<typeof movesKeys>[3],
    { place = 'keychain', isConfirmed = true, isOpen = async () => true, person = true } = {},
  ) {
    const asked: string[] = [];
    const questions = {
      person,
      choose: async ({ option }) => {
        asked.push(option);
        return place;
      },
    } as Partial<Questions> as Questions;
    const world = {
      questions,
      keychain: { isOpen, holds: isOpen },
      confirm: async () => {
        asked.push('confirm');
        return isConfirmed;
      },
    };
    return { moved: await movesKeys('default', load(texts).settings, world, options), asked };
  }
  const inFile = { credentials: `[default]\n${PAIR}` };

  it('setup moves the keys to the keychain if the user chooses it and confirms it', async () => {
    expect(await moves(inFile, {})).toEqual({ moved: true, asked: ['--keys', 'confirm'] });
    expect(await moves(inFile, {}, { isConfirmed: false })).toEqual({ moved: false, asked: ['--keys', 'confirm'] });
    expect(await moves(inFile, {}, { place: 'file' })).toEqual({ moved: false, asked: ['--keys'] });
  });

  it('setup does not ask where to keep keys that cannot be moved, or that an option keeps in the file', async () => {
    const not = { moved: false, asked: [] };
    expect(await moves(inFile, {}, { isOpen: fails('no keychain') })).toEqual(not);
    expect(await moves(inFile, {}, { person: false })).toEqual(not);
    expect(await moves(inFile, { yes: true })).toEqual(not);
    expect(await moves(inFile, { keys: 'file' })).toEqual(not);
    expect(await moves({ ...inFile, config: `[default]\n${PAIR}` }, {})).toEqual(not);
  });

  it('setup --keys keychain is refused before anything is written if it cannot be followed', async () => {
    const keys = 'keychain';
    expect(await moves(inFile, { keys, yes: true })).toEqual({ moved: true, asked: [] });
    await expect(moves(inFile, { keys }, { isOpen: fails('no keychain') })).rejects.toThrow('no keychain');
    writeFileSync(join(home, '.aws', 'credentials'), '');
    await expect(moves({ config: `[default]\n${PAIR}` }, { keys })).rejects.toThrow(/in .*config, .*move the lines/);
    await expect(moves({ config: PROCESS }, { keys })).rejects.toThrow(
      /credentials has no keys of \[default\] to move/,
    );
    expect(await moves({ config: '', settings: KEYCHAIN }, { keys })).toEqual({ moved: false, asked: [] });
  });

  it("setup --keys file overrides the user's and the company's settings, but leaves no keys behind in the keychain", async () => {
    const result = async (texts: Parameters<typeof load>[0]) => {
      const { settings, around } = load(texts);
      return withKeysInFile(texts.settings ?? '', 'default', settings, (await around).files);
    };
    const keys = '[default]\n';
    await expect(result({ settings: KEYCHAIN })).rejects.toThrow(/are in the keychain.*keys restore default/);
    expect(await result({ ...inFile, settings: KEYCHAIN })).toBe(KEYCHAIN.replace('keychain', 'file'));
    const company = { company: KEYCHAIN, settings: '[mfa]\nregion = eu-west-1\n' };
    expect(await result({ ...inFile, ...company })).toBe('[mfa]\nregion = eu-west-1\nkeys = file\n');
    expect(await result({ credentials: keys, config: PROCESS, ...company })).toContain('keys = file\n');
    expect(await result({ ...inFile, company: '', settings: '[mfa]\n' })).toBe('[mfa]\n');
  });
});
