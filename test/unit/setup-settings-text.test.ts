import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSettingsFile } from '../../src/settings/config-ini.ts';
import {
  type Answers,
  settingsWith,
  type ValuesInForce,
  withKeyPlace,
  withSetting,
} from '../../src/setup/settings-text.ts';

const SERIAL = 'arn:aws:iam::123456789012:mfa/alice';
const answers = (changes: Partial<Answers> = {}): Answers => ({
  profile: 'mfa',
  sourceProfile: 'default',
  serialNumber: SERIAL,
  promptBefore: '15m',
  durationSeconds: undefined,
  ...changes,
});
const NOTHING: ValuesInForce = {
  sourceProfile: undefined,
  serialNumber: undefined,
  promptBefore: undefined,
  durationSeconds: undefined,
};
const standing = ({ profile: _, ...rest }: Answers): ValuesInForce => rest;
const read = (text: string) => {
  const { top, sections } = readSettingsFile(text, 'config.ini');
  const values = (entries: typeof top) =>
    Object.fromEntries([...entries.values()].map(({ key, value }) => [key, value]));
  return { top: values(top), ...Object.fromEntries(sections.map(({ name, entries }) => [name, values(entries)])) };
};

describe('a new config.ini', () => {
  it('a new config.ini contains the answers, and explains each line', () => {
    const text = settingsWith(undefined, answers(), NOTHING, 'config.ini');
    expect(read(text)).toEqual({
      top: { prompt_before: '15m' },
      mfa: { source_profile: 'default', mfa_serial: SERIAL },
    });
    expect(text.split('\n').filter((line) => line.startsWith(';')).length).toBeGreaterThan(5);
    const longer = settingsWith('\n', answers({ durationSeconds: '129600' }), NOTHING, 'config.ini');
    expect(read(longer)).toMatchObject({ mfa: { duration_seconds: '129600' } });
  });

  it.each([' a ', '"a"', "'a'", 'a;b', 'a # b', 'null', 'true', 'équipe mfa', 'a=b', '\\'])(
    'a new config.ini can contain a profile named %j',
    (name) => {
      const text = settingsWith(undefined, answers({ profile: name, sourceProfile: name }), NOTHING, 'config.ini');
      expect(read(text)).toMatchObject({ [name]: { source_profile: name } });
    },
  );
});

describe('the place of the keys in config.ini', () => {
  it('the place of the keys in config.ini is that of the new source profile if the source changes', () => {
    const [before, file] = ['[mfa]\nsource_profile = old\nkeys = keychain\n', 'config.ini'];
    const changed = (text: string | undefined, keys: 'file' | 'keychain', sourceProfile = 'bob') => {
      const of = answers({ sourceProfile, keys });
      const inForce = { ...standing(of), sourceProfile: 'old', keys: 'keychain' };
      return (read(settingsWith(text, of, inForce, file)) as Record<string, unknown>).mfa;
    };
    expect(changed(before, 'file')).toEqual({ source_profile: 'bob', keys: 'file' });
    expect(changed(before, 'keychain')).toEqual({ source_profile: 'bob', keys: 'keychain' });
    expect(changed(before, 'file', 'old')).toEqual({ source_profile: 'old', keys: 'keychain' });
    // The company's file has the section.
    for (const text of [undefined, 'remind_every = 2m\n'])
      expect(changed(text, 'file')).toMatchObject({ source_profile: 'bob', keys: 'file' });
    const without = { ...standing(answers()), sourceProfile: 'old' };
    expect(settingsWith('[mfa]\nsource_profile = old\n', answers({ keys: 'file' }), without, file)).not.toContain(
      'keys',
    );
  });

  const place = (text: string, company?: string) => {
    const folder = mkdtempSync(join(tmpdir(), 'settings-text-'));
    const file = join(folder, 'etc/company.ini');
    try {
      chmodSync(folder, 0o755);
      mkdirSync(dirname(file), { mode: 0o755 });
      if (company !== undefined) writeFileSync(file, company, { mode: 0o644 });
      return withKeyPlace(text, ['mfa'], 'file', { settings: 'config.ini', company: company && file });
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  it("the place of the keys in config.ini is written where it differs from the user's or the company's setting", () => {
    const KEYCHAIN = '[mfa]\nkeys = keychain\n';
    expect(place(KEYCHAIN)).toBe('[mfa]\nkeys = file\n');
    expect(place('[mfa]\nregion = eu-west-1\n')).toBe('[mfa]\nregion = eu-west-1\n');
    expect(place('', '[mfa]\nregion = eu-west-1\n')).toBe('');
    expect(place('', KEYCHAIN)).toContain('[mfa]\nkeys = file\n');
    expect(place('[mfa]\nregion = eu-west-1\n', KEYCHAIN)).toBe('[mfa]\nregion = eu-west-1\nkeys = file\n');
    expect(place(KEYCHAIN, KEYCHAIN)).toBe('[mfa]\nkeys = file\n');
  });
});

describe('an existing config.ini', () => {
  const EXISTING = `# mine
remind_every = 2m ; not too long

[mfa]
  mfa_serial=GAHT12345678   # the grey token
source_profile = old
; duration_seconds = 900

# the customer
[work]
source_profile = work
`;

  it('an existing config.ini keeps every byte when the answers are those in it', () => {
    const same = answers({ sourceProfile: 'old', serialNumber: 'GAHT12345678', promptBefore: '900s' });
    const now = standing(answers({ sourceProfile: 'old', serialNumber: 'GAHT12345678' }));
    expect(settingsWith(EXISTING, same, now, 'config.ini')).toBe(EXISTING);
  });

  it('an existing config.ini gets another value in its place, and keeps the comment after it', () => {
    const now = standing(answers({ sourceProfile: 'old', serialNumber: 'GAHT12345678' }));
    expect(settingsWith(EXISTING, answers({ promptBefore: '10m' }), now, 'config.ini')).toBe(`# mine
remind_every = 2m ; not too long
prompt_before = 10m

[mfa]
  mfa_serial=${SERIAL}   # the grey token
source_profile = default
; duration_seconds = 900

# the customer
[work]
source_profile = work
`);
  });

  it('an existing config.ini gets a new section at its end, with its own line ends', () => {
    const windows = '[work]\r\nsource_profile = work';
    const text = settingsWith(windows, answers(), { ...NOTHING, promptBefore: '15m' }, 'config.ini');
    expect(text.startsWith(`${windows}\r\n\r\n; `)).toBe(true);
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(read(text)).toMatchObject({ work: { source_profile: 'work' }, mfa: { mfa_serial: SERIAL } });
  });

  it('an existing config.ini gets its first general setting above the comment of the first section, after a BOM', () => {
    const text = settingsWith(
      '\uFEFF# mine\n\n# fresh, always\n[mfa]\n',
      answers({ promptBefore: '5m' }),
      { ...NOTHING, serialNumber: SERIAL, sourceProfile: 'default' },
      'config.ini',
    );
    expect(text).toBe('\uFEFF# mine\n\nprompt_before = 5m\n\n# fresh, always\n[mfa]\n');
  });

  it('an existing config.ini is not touched when it cannot be read', () => {
    expect(() => settingsWith('[mfa]\n[mfa]\n', answers(), NOTHING, 'config.ini')).toThrow('config.ini:2');
  });
});

describe('any config.ini', () => {
  const value = fc.constantFrom('x', 'a b', '"q;q"', 'v ; note', 'v # note', 'w\\;w', "'s'", 'a=b', '"é"');
  const comment = fc.constantFrom('; note', '# note', '', '   ', '  ; = [x]', '#[mfa]');
  const names = ['mfa', 'work', 'my.team', '"q"'];
  const keys = ['source_profile', 'mfa_serial', 'prompt_before', 'unknown', 'a.b'];
  const settings = fc.uniqueArray(
    fc.tuple(fc.constantFrom(...keys), fc.constantFrom('=', ' = ', '\t=  '), value, comment, fc.constantFrom('', ' ')),
    { selector: ([key]) => key, maxLength: 4 },
  );
  const body = settings.map((entries) =>
    entries.flatMap(([key, sign, its, note, indent]) => [note, `${indent}${key}${sign}${its}`]),
  );
  const sections = fc.uniqueArray(fc.tuple(fc.constantFrom(...names), body), { selector: ([name]) => name });
  const file = fc
    .tuple(body, sections, comment, fc.constantFrom('\n', '\r\n', '\r'), fc.boolean(), fc.boolean())
    .map(([top, parts, last, end, open, bom]) => {
      const lines = [...top, ...parts.flatMap(([name, its]) => [`[${name}]`, ...its]), last];
      return (bom ? '\uFEFF' : '') + lines.join(end) + (open ? '' : end);
    });

  it('any config.ini has the value that was set, keeps every other byte, and does not change the second time', () => {
    fc.assert(
      fc.property(
        file,
        fc.constantFrom(...keys),
        fc.constantFrom(...names, undefined),
        fc.constantFrom('15m', 'a;"b', ' é'),
        (text, key, name, set) => {
          const section = name?.replaceAll('"', '');
          const before = readSettingsFile(text, 'config.ini');
          const place = before.sections.find((one) => one.name === section);
          fc.pre(section === undefined || place !== undefined);
          const after = withSetting(text, section, key, set, 'config.ini');

          const expected = read(text) as Record<string, Record<string, string>>;
          const inside = section === undefined ? expected.top : expected[section];
          if (inside) inside[key] = set;
          expect(read(after)).toEqual(expected);
          expect(withSetting(after, section, key, set, 'config.ini')).toBe(after);

          // What differs is one piece, of one line; only a comment that cannot stay behind a value in quotes moves.
          let head = 0;
          while (head < text.length && text[head] === after[head]) head += 1;
          let tail = 0;
          while (tail < text.length - head && text.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
          const [gone, come] = [text.slice(head, text.length - tail), after.slice(head, after.length - tail)];
          const entry = (place?.entries ?? before.top).get(key);
          if (entry === undefined) expect(gone).toBe('');
          expect(gone).not.toMatch(/[\r\n]/);
          const note = / [;#] note$/.exec(text.split(/\r\n|\r|\n/)[(entry?.line ?? 0) - 1] ?? '')?.[0];
          if (note !== undefined && set !== '15m') expect(after).toContain(note.trim());
          else expect(come.replace(/^[\r\n]+|[\r\n]+$/g, '')).not.toMatch(/[\r\n]/);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
