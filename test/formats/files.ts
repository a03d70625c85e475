import fc from 'fast-check';
import type { MfaSession } from '../../src/session/session.ts';

/** A credentials file, and the profile in it that gets the session. */
export interface Sample {
  bytes: Buffer;
  profile: string;
  session: MfaSession;
}

const weighted = <T>(...choices: [number, fc.Arbitrary<T>][]) =>
  fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })));
const either = (...texts: string[]) => fc.constantFrom(...texts);
/** Mostly the first. */
const mostly = (first: string, ...others: string[]) => weighted([12, fc.constant(first)], [1, either(...others)]);

const base64 = fc.stringMatching(/^[A-Za-z0-9/+]{1,12}={0,2}$/);

const session: fc.Arbitrary<MfaSession> = fc.record({
  accessKeyId: fc.stringMatching(/^ASIA[A-Z2-7]{4}$/),
  secretAccessKey: base64,
  sessionToken: base64,
  expiration: fc.integer({ min: 1_700_000_000, max: 4_000_000_000 }).map((seconds) => seconds * 1000),
});

/** Few enough to stand twice now and then. */
const name = weighted(
  [6, either('default', 'mfa', 'my.team', 'my.team.mfa', 'a')],
  [
    2,
    either(
      'MFA',
      'my team',
      'profile mfa',
      'équipe à',
      '部門',
      "it's",
      '"mfa"',
      'a]b',
      '[a]',
      'a#b',
      'a;b',
      'x@y:z/1+2',
    ),
  ],
  [
    1,
    either(
      'profile "mfa"',
      "profile 'mfa'",
      'sso-session a',
      'services a',
      'plugins',
      'my\u00a0team',
      'tab\there',
      '=',
      'a = b',
    ),
  ],
  [1, fc.stringMatching(/^[!-~]{1,6}$/)],
);

/** Names of other profiles in the file. Some are names that withSession refuses to write. */
const oddName = either(' mfa ', 'mfa ', '', 'DEFAULT', 'mfa #1', 'a ;b', '__proto__');

const blank = mostly(' ', '', '  ', '\t', '\u00a0', '\u3000', ' \t ', '\u2003');
const note = mostly('', ' # note', '\t; note', ' #', ' # a = b', '#note', ';note', ' # [note]');
const behind = mostly('', ' ', '\t', '  ', '\u00a0', ' \v', '\f');

const header = fc
  .tuple(
    mostly('', ' ', '  ', '\t', '\u00a0'),
    weighted([12, name], [1, oddName]),
    mostly('', ' # note', ' ; see [1]', '  ', ' junk', ']', '#note', ' [x]'),
  )
  .map(([indent, title, rest]) => `${indent}[${title}]${rest}`);

const sessionKey = either('aws_access_key_id', 'aws_secret_access_key', 'aws_session_token');
const spelled = (key: fc.Arbitrary<string>) =>
  fc.tuple(key, mostly('as it is', 'capitals', 'capital')).map(([text, how]) => {
    if (how === 'capitals') return text.toUpperCase();
    return how === 'capital' ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  });
const delimiter = fc.tuple(blank, mostly('=', ':'), blank).map((parts) => parts.join(''));

const keyValue = fc
  .tuple(either('ASIA', 'ASIA', 'ASIA', 'AKIA'), fc.stringMatching(/^[A-Z2-7]{4}$/))
  .map((parts) => parts.join(''));
const secretValue = weighted(
  [10, base64],
  [1, base64.map((text) => `"${text}"`)],
  [1, either('', 'a b', 'a#b', 'a;b', ' ', 'é', '[x]', '#a', 'a = b', '%(x)s', '\\n')],
);
const date = either(
  '2026-01-01T00:00:00Z',
  '2026-01-01 00:00:00',
  '2026-01-01T02:00:00+02:00',
  '2026-01-01T00:00:00.123456+0000',
  'soon',
  '',
);

const sessionSetting = fc
  .tuple(spelled(sessionKey), delimiter, fc.tuple(keyValue, secretValue), note, behind)
  .map(([key, equals, [id, secret], remark, rest]) => {
    return `${key}${equals}${/id$/i.test(key) ? id : secret}${remark}${rest}`;
  });
const expirySetting = fc
  .tuple(
    spelled(
      either(
        'expiration',
        'expiration',
        'x_security_token_expires',
        'aws_session_expiration',
        'aws_credential_expiration',
        'aws_expiration',
      ),
    ),
    delimiter,
    date,
    note,
  )
  .map((parts) => parts.join(''));
const otherSetting = fc
  .tuple(
    spelled(
      either(
        'aws_security_token',
        'region',
        'output',
        'mfa_serial',
        'manager',
        'autoawsume',
        'assumed_role',
        'role_arn',
        'source_profile',
        'credential_process',
        'x_principal_arn',
        'é',
        'a b',
        'a.b',
        '"q"',
        '[a',
        'a]',
      ),
    ),
    delimiter,
    either(
      'x',
      'eu-west-1',
      'awsume',
      'True',
      'a=b',
      'a : b',
      'arn:aws:iam::123456789012:mfa/alice',
      'sh -c "a ; b"',
      'é',
      '',
    ),
    note,
    behind,
  )
  .map((parts) => parts.join(''));

const comment = either(
  '# note',
  ';note',
  '#aws_access_key_id = AKIAKEEP',
  '; aws_session_token = keep',
  '#expiration = # Credentials expire at: 2026-01-01 00:00:00 UTC',
  '#Credentials expire at:  = 2026-01-01 00:00:00 UTC',
  '# [mfa]',
  '#',
);
const nested = fc
  .tuple(
    either('s3 =', 's3=', 's3 = ', 's3 : ', 'region = x', 'note ='),
    fc.array(
      fc.tuple(
        either('  ', '    ', '\t'),
        either(
          'max_concurrent_requests = 20',
          'addressing_style=path',
          'aws_session_token = nested',
          'c2Vzc2lvbg==',
          '[x]',
          '# in',
          'word',
          '',
        ),
      ),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([top, below]) => [top, ...below.map((parts) => parts.join(''))]);

const stray = either('word', '=', '= x', ': x', '[open', ']', '[]', '[mfa', 'a', '{', 'export AWS_PROFILE=mfa');

/** Lines as they are together; what an indentation puts before each is the section's. */
const piece: fc.Arbitrary<string[]> = weighted(
  [20, sessionSetting.map((line) => [line])],
  [6, expirySetting.map((line) => [line])],
  [8, otherSetting.map((line) => [line])],
  [6, comment.map((line) => [line])],
  [6, either('', ' ', '\t', '   ').map((line) => [line])],
  [4, nested],
  // A whole session, in the order of the AWS CLI.
  [
    8,
    fc
      .tuple(mostly(' = ', '=', ' : '), keyValue, base64, base64)
      .map(([equals, id, secret, token]) => [
        `aws_access_key_id${equals}${id}`,
        `aws_secret_access_key${equals}${secret}`,
        `aws_session_token${equals}${token}`,
      ]),
  ],
  [1, stray.map((line) => [line])],
);

const indentation = mostly('', '  ', '    ', '\t', ' ', '\u00a0');
const keyOf = (line: string) => /^[^=:]*/.exec(line)?.[0].trim().toLowerCase() ?? '';
const section = fc
  .tuple(
    header,
    indentation,
    fc.array(fc.tuple(mostly('', '  ', '\t', '    ', ' ', '\u00a0'), piece), { maxLength: 6 }),
    weighted([12, fc.constant(true)], [1, fc.constant(false)]),
  )
  .map(([head, indent, pieces, isTidy]) => {
    const keys = new Set<string>();
    const lines = pieces.flatMap(([deeper, together]) => {
      // botocore gives up a file with a key twice, so mostly not.
      const known = together.some((line) => keys.has(keyOf(line)));
      for (const line of together) if (line.trim() !== '') keys.add(keyOf(line));
      return known && isTidy ? [] : together.map((line) => (line === '' ? line : indent + deeper + line));
    });
    return [head, ...lines];
  });
const nameIn = (line = '') => /\[(.*)\]/.exec(line)?.[1];

const lineEnd = weighted([40, fc.constant('\n')], [10, fc.constant('\r\n')], [1, fc.constant('\r')]);

const text = fc
  .tuple(
    weighted<string[]>(
      [40, fc.constant([])],
      [5, either('', '# top', '; top', ' ').map((line) => [line])],
      [1, fc.constant(['a = b'])],
    ),
    weighted(
      [12, fc.uniqueArray(section, { minLength: 1, maxLength: 4, selector: ([head]) => nameIn(head) })],
      [2, fc.array(section, { maxLength: 4 })],
    ),
    lineEnd,
    fc.infiniteStream(weighted([40, fc.constant(undefined)], [1, lineEnd])),
    fc.boolean(),
    mostly('', '\ufeff'),
  )
  .map(([top, sections, usual, odd, isEnded, mark]) => {
    const lines = [...top, ...sections.flat()];
    const ended = lines.map((line, index) =>
      index < lines.length - 1 || isEnded ? line + (odd.next().value ?? usual) : line,
    );
    return mark + ended.join('');
  });

/** Mostly UTF-8; the rest is what an old editor makes of accents. */
const encoding = weighted([30, fc.constant('utf8' as const)], [1, fc.constant('latin1' as const)]);

export const sample: fc.Arbitrary<Sample> = fc
  .tuple(text, encoding, name, fc.nat(), session)
  .map(([whole, coding, other, which, fresh]) => {
    const names = [...whole.matchAll(/^[ \t]*\[(.+)\]/gm)].map((match) => match[1] ?? '');
    const profile = names.length > 0 && which % 4 > 0 ? (names[which % names.length] ?? other) : other;
    return { bytes: Buffer.from(whole, coding), profile, session: fresh };
  });
