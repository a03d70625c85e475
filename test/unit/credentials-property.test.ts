import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { withoutSession, withSession, withSessions } from '../../src/credentials/edit.ts';
import { type MfaSession, sessionIn } from '../../src/session/session.ts';
import { refusal } from '../refusal.ts';

const RUNS = { numRuns: 3000 };

const secretText = fc.stringMatching(/^[A-Za-z0-9/+]{1,30}={0,2}$/);
const session: fc.Arbitrary<MfaSession> = fc.record({
  accessKeyId: fc.stringMatching(/^ASIA[A-Z2-7]{16}$/),
  secretAccessKey: secretText,
  sessionToken: secretText,
  expiration: fc.integer({ min: 0, max: 4_000_000_000_000 }),
});

const blanks = fc.stringMatching(/^[ \t]{0,3}$/);
const end = fc.constantFrom('\n', '\r\n', '\n', '\r');
const name = fc.oneof(
  fc.constantFrom('default', 'mfa', 'my.team', 'MFA', 'équipe à', '部門'),
  fc.stringMatching(/^[a-z][a-z0-9._@/-]{0,12}$/),
);

/** A line that no reader takes for a header or for a key of the session. */
const otherLine = fc.oneof(
  fc.constantFrom(
    '',
    '  ',
    '# aws_access_key_id = AKIAKEEP',
    ';note',
    'region = eu-west-1',
    'OUTPUT=json',
    'x : y == ',
  ),
  fc.constantFrom(
    's3 =',
    's3 =\n  max = 5\n\n  aws_session_token = nested',
    '    deep = 1',
    'stray',
    '\tnote=é\u00a0#',
  ),
  fc.stringMatching(/^[#;][ -~]{0,20}$/).filter((line) => !/expire/i.test(line)),
);

const sessionLine = fc
  .tuple(
    fc.constantFrom(
      'aws_access_key_id',
      'aws_secret_access_key',
      'Aws_Session_Token',
      'aws_security_token',
      'expiration',
    ),
    blanks,
    blanks,
    secretText,
    fc.constantFrom('', ' ', ' # note'),
  )
  .map(([key, before, after, value, behind]) => {
    const text = key === 'expiration' ? '2026-01-01T00:00:00Z' : key === 'aws_access_key_id' ? `ASIA${value}` : value;
    return `${key}${before}=${after}${text}${behind}`;
  });

function joined(lines: fc.Arbitrary<string>, most: number): fc.Arbitrary<string> {
  return fc.array(fc.tuple(lines, end), { maxLength: most }).map((pairs) => pairs.flat().join(''));
}

const otherSection = fc
  .tuple(name, end, joined(fc.oneof(otherLine, sessionLine), 6))
  .map(([title, lineEnd, body]) => ({ title, text: `[${title}]${lineEnd}${body}` }));

const bytesOf = (text: string) => Buffer.from(text);

test('a session is read back as written in any file, and writing it again changes nothing', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('', '\ufeff', '\n'),
      fc.array(otherSection, { maxLength: 4 }),
      name,
      session,
      (top, sections, profile, fresh) => {
        const before = bytesOf(top + sections.map(({ text }) => text).join(''));
        const after = withSession(before, profile, fresh, { force: true });
        const section = parseCredentials(after).profile(profile);
        expect(section?.values.get('aws_access_key_id')).toBe(fresh.accessKeyId);
        expect(section?.values.get('aws_secret_access_key')).toBe(fresh.secretAccessKey);
        expect(section?.values.get('aws_session_token')).toBe(fresh.sessionToken);
        expect(sessionIn(section)).toEqual({
          kind: 'session',
          ...fresh,
          expiration: Math.floor(fresh.expiration / 1000) * 1000,
        });
        expect(withSession(after, profile, fresh).equals(after)).toBe(true);
      },
    ),
    RUNS,
  );
});

/** The parts of a file with one section of a profile: what is above it, its lines below the header, and what is below it. */
const fileAround = (profile: string) =>
  fc
    .tuple(
      fc.array(otherSection, { maxLength: 4 }),
      fc.array(otherSection, { maxLength: 4 }),
      fc.array(fc.oneof({ weight: 2, arbitrary: otherLine }, sessionLine), { maxLength: 8 }),
      end,
    )
    .map(([above, below, own, lineEnd]) => ({
      profile,
      head: above.map(({ text }) => text).join(''),
      lineEnd,
      body: own.map((line) => line + lineEnd).join(''),
      foot: below.map(({ text }) => text).join(''),
    }));

test('every byte of other profiles and every line of the profile that is not the session stays', () => {
  fc.assert(
    fc.property(fileAround('the one'), session, ({ profile, head, lineEnd, body, foot }, fresh) => {
      const before = `${head}[${profile}]${lineEnd}${body}${foot}`;
      const after = withSession(bytesOf(before), profile, fresh, { force: true }).toString();
      expect(after.startsWith(`${head}[${profile}]${lineEnd}`)).toBe(true);
      expect(after.endsWith(foot)).toBe(true);
      const kept = after.slice(head.length, after.length - foot.length);
      const ofSession =
        /^(?!.*nested)[ \t]*(?:aws_(?:access_key_id|secret_access_key|session_token|security_token)|expiration)[ \t]*=/i;
      const rest = (text: string) => text.split(/(?<=\r\n|\n|\r(?!\n))/).filter((line) => !ofSession.test(line));
      // A line that continued a key of the session goes with its value, or becomes the setting that it looks like;
      // nothing comes, and the order stays.
      const isSame = (line: string, now: string | undefined) =>
        line === now || (/^[ \t]/.test(line) && line.trimStart() === now?.trimStart());
      const left = rest(kept);
      const gone: string[] = [];
      for (const line of rest(`[${profile}]${lineEnd}${body}`)) {
        if (isSame(line, left[0])) left.shift();
        else gone.push(line);
      }
      expect(left).toEqual([]);
      expect(gone.every((line) => /^[ \t]+\S/.test(line))).toBe(true);
    }),
    RUNS,
  );
});

test('the sessions of a source and of its roles are written in one change like one after the other, and nothing else changes', () => {
  const names = ['mfa', 'admin', 'my.team', 'équipe à', 'role-1'];
  const written = fc.uniqueArray(fc.tuple(fc.constantFrom(...names), session), {
    minLength: 1,
    maxLength: 5,
    selector: ([profile]) => profile,
  });
  fc.assert(
    fc.property(fc.array(otherSection, { maxLength: 5 }), written, (sections, sessions) => {
      const before = bytesOf(sections.map(({ text }) => text).join(''));
      const force = { force: true };
      const after = withSessions(before, sessions, force);
      const [read, old] = [parseCredentials(after), parseCredentials(before)];
      for (const [profile, { accessKeyId, secretAccessKey, sessionToken, expiration }] of sessions) {
        const instant = Math.floor(expiration / 1000) * 1000;
        const found = { kind: 'session', accessKeyId, secretAccessKey, sessionToken, expiration: instant };
        expect(sessionIn(read.profile(profile))).toEqual(found);
        // The same as alone: no session changes the lines of another.
        const alone = withSession(before, profile, { accessKeyId, secretAccessKey, sessionToken, expiration }, force);
        expect(read.profile(profile)?.values).toEqual(parseCredentials(alone).profile(profile)?.values);
      }
      const others = sections.map(({ title }) => title).filter((title) => !sessions.some(([name]) => name === title));
      for (const title of others) expect(read.profile(title)?.values).toEqual(old.profile(title)?.values);
      expect(withSessions(after, [...sessions].reverse()).equals(after)).toBe(true);
      // Profiles that the file had stay where they were; the new ones come after them.
      const known = sessions.filter(([profile]) => old.profile(profile));
      const inPlace = withSessions(before, known, force);
      expect(after.subarray(0, inPlace.length).equals(inPlace)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test('a forgotten session is gone for every reader, and nothing else is, in any file', () => {
  fc.assert(
    fc.property(fileAround('the one'), session, ({ profile, head, lineEnd, body, foot }, fresh) => {
      const before = bytesOf(`${head}[${profile}]${lineEnd}${body}${foot}`);
      const held = withSession(before, profile, fresh, { force: true });
      const after = withoutSession(held, profile);
      const text = after.toString();
      expect(text.startsWith(`${head}[${profile}]${lineEnd}`) && text.endsWith(foot)).toBe(true);
      const valuesIn = (bytes: Buffer) => new Map(parseCredentials(bytes).profile(profile)?.values);
      const values = valuesIn(held);
      for (const key of values.keys()) if (/^aws_.*(key|token)|^expiration$/.test(key)) values.delete(key);
      expect(valuesIn(after)).toEqual(values);
      expect(parseCredentials(after).profileNames()).toEqual(parseCredentials(held).profileNames());
      expect(withoutSession(after, profile).equals(after)).toBe(true);
      expect(sessionIn(parseCredentials(withSession(after, profile, fresh)).profile(profile)).kind).toBe('session');
    }),
    { numRuns: 300 },
  );
});

test('the reader refuses any bytes it cannot read with an error that says so', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), session, (random, fresh) => {
      const bytes = Buffer.from(random);
      try {
        const after = withSession(bytes, 'mfa', fresh, { force: true });
        expect(parseCredentials(after).profile('mfa')?.values.get('aws_session_token')).toBe(fresh.sessionToken);
      } catch (error) {
        expect(error).toEqual(refusal);
      }
    }),
    RUNS,
  );
});

test('any text of brackets, white space, equals signs and line ends can be edited repeatedly, or is refused as doubtful', () => {
  const piece = fc.constantFrom(
    '[',
    ']',
    '[mfa]',
    '=',
    ':',
    ' ',
    '\t',
    '#',
    ';',
    '\n',
    '\r',
    '\r\n',
    'a',
    'aws_session_token',
    'é',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), session, (pieces, fresh) => {
      const before = bytesOf(pieces.join(''));
      let after: Buffer;
      try {
        after = withSession(before, 'mfa', fresh, { force: true });
      } catch (error) {
        expect(error).toEqual(refusal);
        expect(String(error)).toMatch(/some tools/);
        return;
      }
      expect(parseCredentials(after).profile('mfa')?.values.get('aws_session_token')).toBe(fresh.sessionToken);
      expect(withSession(after, 'mfa', fresh).equals(after)).toBe(true);
    }),
    RUNS,
  );
});
