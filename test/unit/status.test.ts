import { readFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it, test } from 'vitest';
import type { Standing } from '../../src/policy/standing.ts';
import type { SessionState, StoredSession } from '../../src/session/session.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { statusJson } from '../../src/status/json.ts';
import { type Knowledge, nextChange, type Row, rowsAt } from '../../src/status/rows.ts';
import { type Display, statusTable } from '../../src/status/table.ts';

const NOON = new Date(2026, 2, 1, 12).getTime();
const [SECOND, MINUTE, HOUR] = [1000, 60_000, 3_600_000];

const row = (changes: Partial<Row> = {}): Row => ({
  profile: 'mfa',
  state: 'fresh',
  expiration: NOON + 6 * HOUR,
  end: NOON + 6 * HOUR,
  due: NOON + 6 * HOUR,
  start: NOON - 6 * HOUR,
  standing: undefined,
  ...changes,
});
const wide: Display = { columns: undefined, colors: false, unicode: true };
const table = (rows: Row[], place = wide, agent?: Knowledge['agent']) =>
  statusTable(rows, agent, NOON, place, stringWidth);

const AGENT = { pid: 1, version: '1', revision: 1, profiles: [] };

/** One of each: what does not compile here is missing in the schema. */
const STANDINGS: { [Name in Standing['standing']]: Extract<Standing, { standing: Name }> } = {
  fresh: { standing: 'fresh' },
  asking: { standing: 'asking', since: NOON },
  snoozed: { standing: 'snoozed', until: NOON },
  forgotten: { standing: 'forgotten' },
  quiet: { standing: 'quiet', until: NOON },
  held: { standing: 'held', why: 'screen locked' },
  waiting: { standing: 'waiting', until: NOON, why: 'AWS is busy' },
  unanswered: { standing: 'unanswered', until: undefined },
  queued: { standing: 'queued', behind: 'other' },
  unsaved: { standing: 'unsaved' },
  verifying: { standing: 'verifying' },
  stopped: { standing: 'stopped', why: 'no keys', until: NOON },
  assuming: { standing: 'assuming' },
  'needs-source': { standing: 'needs-source', source: 'mfa' },
};
const STATES: Record<SessionState, StoredSession> = {
  missing: { kind: 'none' },
  'long-term': { kind: 'long-term', accessKeyId: 'AKIAX' },
  unknown: { kind: 'session', accessKeyId: 'ASIAX', expiration: undefined },
  expired: { kind: 'session', accessKeyId: 'ASIAX', expiration: NOON - 1 },
  due: { kind: 'session', accessKeyId: 'ASIAX', expiration: NOON + 1 },
  fresh: { kind: 'session', accessKeyId: 'ASIAX', expiration: NOON + HOUR },
};

describe('the table of status', () => {
  it('the table shows how much is left of the session', () => {
    expect(table([row()])).toEqual([
      'PROFILE  STATE  LEFT                      ENDS   AGENT',
      'mfa      fresh  6h 00m  ████████░░░░░░░░  18:00  not running',
    ]);
    expect(table([row({ end: NOON + 5 * MINUTE, start: NOON - 715 * MINUTE })])[1]).toMatch(/ 5m {4}▏░{15} {2}12:05/);
    expect(table([row()], { ...wide, unicode: false })[1]).toContain(' ########--------  18:00');
  });

  it('the table shows the day when it is not today, and what ends the session early', () => {
    expect(table([row({ expiration: NOON + 13 * HOUR, end: NOON + 13 * HOUR })])[1]).toContain('Mon 01:00');
    expect(table([row({ end: NOON + HOUR })])[1]).toContain('13:00 (max_age)');
  });

  it('the table shows no bar without a session, and no time left after its end', () => {
    const missing = row({ state: 'missing', expiration: undefined, end: undefined, start: undefined });
    expect(table([missing])).toEqual([
      'PROFILE  STATE    LEFT  ENDS  AGENT',
      'mfa      missing  -     -     not running',
    ]);
    expect(table([row({ state: 'expired', end: NOON - 1 })])[1]).toMatch(/expired {2}- {5}░{16}/);
  });

  it('the table has colours only when they are requested', () => {
    const colored = table([row({ state: 'due' })], { ...wide, colors: true }).join('\n');
    expect(colored).toContain('\x1b[33mdue\x1b[39m');
    expect(table([row({ state: 'due' })]).join('\n')).not.toContain('\x1b');
  });

  it('the table drops the bar, then wraps the words of the agent under the row, then drops columns, as it gets narrower', () => {
    const why = 'AWS refused: no identity-based policy allows the sts:GetSessionToken action';
    const rows = [
      row({ standing: { standing: 'stopped', why } }),
      row({ profile: 'work', standing: { standing: 'fresh' } }),
    ];
    const at = (columns: number) => table(rows, { ...wide, columns }, AGENT);
    expect(at(140)[1]).toBe(`mfa      fresh  6h 00m  ████████░░░░░░░░  18:00  stopped: ${why}`);
    expect(at(126)[1]).toBe(`mfa      fresh  6h 00m  ████░░░░  18:00  stopped: ${why}`);
    expect(at(116)[1]).toBe(`mfa      fresh  6h 00m  18:00  stopped: ${why}`);
    expect(at(60)).toEqual([
      'PROFILE  STATE  LEFT    ENDS   AGENT',
      'mfa      fresh  6h 00m  18:00',
      '  stopped: AWS refused: no identity-based policy allows the',
      '  sts:GetSessionToken action',
      'work     fresh  6h 00m  18:00  fresh',
    ]);
    expect(at(24)).toEqual([
      'PROFILE  STATE  LEFT',
      'mfa      fresh  6h 00m',
      '  stopped: AWS refused:',
      '  no identity-based',
      '  policy allows the',
      '  sts:GetSessionToken',
      '  action',
      'work     fresh  6h 00m',
    ]);
    expect(at(16).slice(0, 3)).toEqual(['PROFILE  STATE', 'mfa      fresh', 'stopped: AWS']);
    expect(at(2)[1]).toBe('m…');
  });

  it('the table says once what is true of several rows', () => {
    const standing: Standing = { standing: 'waiting', until: NOON + HOUR, why: 'AWS is busy (Throttling)' };
    const rows = [row({ standing }), row({ profile: 'work', standing }), row({ profile: 'late', standing })];
    expect(table(rows, { ...wide, columns: 40 }, AGENT)).toEqual([
      'PROFILE  STATE  LEFT    ENDS',
      'mfa      fresh  6h 00m  18:00',
      'work     fresh  6h 00m  18:00',
      'late     fresh  6h 00m  18:00',
      '  AWS is busy (Throttling); asks again',
      '  at 13:00',
    ]);
    expect(table([row(), row({ profile: 'work' })], { ...wide, columns: 32 }).slice(1)).toEqual([
      'mfa      fresh  6h 00m  18:00',
      'work     fresh  6h 00m  18:00',
      '  not running',
    ]);
  });

  test('the table keeps its form for any name and any width', () => {
    const name = fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
      fc.constantFrom(
        '日本語のとても長いプロファイル名',
        'e\u0301'.repeat(30),
        '👩‍👩‍👧‍👦'.repeat(9),
        'a\u202egnp.exe',
        '\x1b[2J\r\n\t',
        'שלום',
      ),
    );
    const standing = fc.constantFrom(undefined, ...Object.values(STANDINGS));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, standing), { maxLength: 4 }),
        fc.integer({ min: 1, max: 120 }),
        (all, columns) => {
          const rows = all.map(([profile, standing]) => row({ profile, standing }));
          const lines = table(rows, { ...wide, columns }, AGENT);
          expect(lines.length).toBeGreaterThan(rows.length);
          for (const line of lines) {
            expect(stringWidth(line)).toBeLessThanOrEqual(columns);
            expect(line).not.toMatch(/\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u);
          }
        },
      ),
    );
  });
});

describe('the time of the next change of the table', () => {
  const wait = (left: number, promptBefore = 0) =>
    nextChange([row({ expiration: NOON + left, end: NOON + left, due: NOON + left - promptBefore })], NOON);

  it('the table changes next when the displayed time changes', () => {
    expect(wait(90 * SECOND)).toBe(30_001);
    expect(wait(5 * HOUR + 1)).toBe(2);
    expect(wait(MINUTE)).toBe(1);
    expect(wait(59_500)).toBe(501);
    expect(wait(30 * HOUR + 5 * MINUTE)).toBe(5 * MINUTE + 1);
  });

  it('the table changes next when a state changes', () => {
    expect(wait(20 * MINUTE + 30_000, 20 * MINUTE + 10_000)).toBe(20_000);
    expect(wait(400)).toBe(400);
    expect(nextChange([row({ end: NOON - 1, due: NOON - 1, expiration: NOON + 5000 })], NOON)).toBe(5000);
  });

  it('the table changes next at midnight when nothing else will change', () => {
    expect(wait(-1)).toBe(12 * HOUR);
    expect(nextChange([], NOON)).toBe(12 * HOUR);
  });
});

describe('status --json', async () => {
  const file = async (name: string) => readFile(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
  const schema = JSON.parse(await file('status.schema.json'));
  const validate = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, allowUnionTypes: true }).compile(
    schema,
  );
  const known = (agent: Knowledge['agent']): Knowledge => ({
    settings: { promptBefore: 10 } as Settings,
    profiles: Object.keys(STATES).map((profile) => ({
      profile,
      sourceProfile: 'default',
      serialNumber: undefined,
      durationSeconds: 3600,
    })),
    sessions: new Map(Object.entries(STATES)),
    agent,
  });
  const json = (agent: Knowledge['agent']) =>
    JSON.parse(JSON.stringify(statusJson(known(agent), rowsAt(known(agent), NOON), NOON)));

  it('status --json matches its schema in every state of a session', () => {
    const printed = json(undefined);
    expect(printed.profiles.map(({ state }: { state: string }) => state)).toEqual(Object.keys(STATES));
    expect({ valid: validate(printed), errors: validate.errors }).toEqual({ valid: true, errors: null });
  });

  it('status --json matches its schema in every standing of the agent', () => {
    for (const standing of Object.values(STANDINGS)) {
      const printed = json({ ...AGENT, profiles: [{ profile: 'due', state: 'due', standing }] });
      expect(printed.profiles[4].agent.standing).toBe(standing.standing);
      expect({ valid: validate(printed), errors: validate.errors }).toEqual({ valid: true, errors: null });
    }
  });

  it('the schema of status --json rejects missing members and wrong types', () => {
    for (const spoil of [
      (one: Record<string, unknown>) => delete one.ends,
      (one: Record<string, unknown>) => Object.assign(one, { state: 'new' }),
      (one: Record<string, unknown>) => Object.assign(one, { expiration: NOON }),
      (one: Record<string, unknown>) => Object.assign(one, { agent: { standing: 'queued' } }),
    ]) {
      const printed = json(undefined);
      spoil(printed.profiles[0]);
      expect(validate(printed)).toBe(false);
    }
  });

  it('the documentation describes every member of status --json', async () => {
    const page = await file('status.md');
    const { properties, $defs } = schema;
    const members = [properties, properties.profiles.items.properties, $defs.standing.properties];
    for (const member of members.flatMap((one) => Object.keys(one))) expect(page).toContain(`\`${member}\``);
    for (const state of Object.keys(STATES)) expect(page).toContain(`| \`${state}\` |`);
  });
});
