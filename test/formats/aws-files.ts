import fc from 'fast-check';

/** AWS's two files of one person. */
export interface AwsFiles {
  config: Buffer;
  credentials: Buffer;
}

const weighted = <T>(...choices: [number, fc.Arbitrary<T>][]) =>
  fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })));
const either = (...texts: string[]) => fc.constantFrom(...texts);
/** Mostly the first. */
const mostly = (first: string, ...others: string[]) => weighted([9, fc.constant(first)], [1, either(...others)]);

/** Few, so that a profile is in both files, and twice in one. */
const name = either('default', 'work', 'work', 'my team', "it's", 'équipe', 'a.b', 'a#b', 'profile', 'two  words');

/** A name in the header of `~/.aws/config`, in the spellings of people, and some that a shell would understand. */
const written = name.chain((text) => {
  const bare = /^[\w.#é-]+$/.test(text);
  return weighted(
    [6, either(bare ? text : `"${text}"`)],
    [2, either(`"${text}"`, text.includes("'") ? `"${text}"` : `'${text}'`)],
    [
      1,
      either(
        text,
        text.replace(/[ ']/g, '\\$&'),
        `${text[0]}"${text.slice(1)}"`,
        `"${text}`,
        ` "${text}"`,
        `" ${text}"`,
      ),
    ],
  );
});
const blanks = mostly(' ', '\t', '  ', ' \t', '\u00a0');
const note = mostly('', ' # note', '\t; note', ' #', ';note');
const indentation = mostly('', '  ', '\t');

const configHeader = weighted(
  [3, fc.constant('default')],
  [
    12,
    fc
      .tuple(mostly('profile', 'Profile', 'profiles', '"profile"'), blanks, written, mostly('', ' ', '\t'))
      .map((parts) => parts.join('')),
  ],
  [
    1,
    either('profile default', 'DEFAULT', 'work', 'sso-session work', 'services work', ' default', 'profile', 'preview'),
  ],
);
const credentialsHeader = weighted([12, name], [1, either('DEFAULT', 'profile work', ' default', '"work"')]);

const serial = either(
  'arn:aws:iam::123456789012:mfa/alice',
  'arn:aws:iam::123456789012:mfa/bob',
  'GAHT12345678',
  'GAHT87654321',
);
const region = either('eu-west-1', 'us-east-1', 'eu-central-1');
const duration = either('900', '3600', '7200');
const command = either('op read x', 'sh -c "a # b"', "sh -c 'a ; b'", 'a "b c" d', 'cat key # mine', 'C:\\x');
const id = fc.stringMatching(/^AKIA[A-Z2-7]{4}$/);
const secret = fc.stringMatching(/^[A-Za-z0-9/+]{4,8}=?$/);
const token = fc.stringMatching(/^[A-Za-z0-9/+]{4,8}={0,2}$/);

const delimiter = mostly(' = ', '=', '\t=  ', ' : ', ':');
const spelled = (key: string) => mostly(key, key.toUpperCase(), key.charAt(0).toUpperCase() + key.slice(1));
const setting = (key: string, value: fc.Arbitrary<string>) =>
  fc.tuple(spelled(key), delimiter, weighted([15, value], [1, fc.constant('')]), note).map((parts) => [parts.join('')]);
const both = (...settings: fc.Arbitrary<string[]>[]) => fc.tuple(...settings).map((lines) => lines.flat());

const usual: fc.Arbitrary<string[]> = weighted(
  [8, both(setting('aws_access_key_id', id), setting('aws_secret_access_key', secret))],
  [2, setting('aws_access_key_id', id)],
  [2, setting('aws_secret_access_key', secret)],
  [1, setting('aws_session_token', token)],
  [1, setting('aws_security_token', token)],
  [6, setting('mfa_serial', serial)],
  [6, setting('region', region)],
  [4, setting('duration_seconds', duration)],
  [4, setting('credential_process', command)],
  [2, setting('output', either('json', 'text'))],
  [1, setting('region', either('Paris', 'eu west'))],
  // Nested settings, a value of several lines, and what is indented too far.
  [
    3,
    fc
      .tuple(either('s3 =', 's3=', 'region =', 'S3 = '), either('  region = nested', '\tmfa_serial=nested', '  a = b'))
      .map((lines) => [...lines]),
  ],
  [
    1,
    fc
      .tuple(
        either('output = json', 'credential_process = a b', 'region = eu-west-1'),
        either(
          '  continued',
          '\tregion = eu-south-1',
          '  mfa_serial = GAHT00000000',
          '  aws_access_key_id = AKIAINDENTED',
        ),
      )
      .map((lines) => [...lines]),
  ],
  [3, either('', '  ', '# note', '; region = none', '  # mfa_serial = none').map((line) => [line])],
);
/** Neither a header nor a setting: botocore gives up the whole file. */
const stray = either('stray', '[', '= x', '[profile work', ']').map((line) => [line]);
const piece = weighted([200, usual], [1, stray]);

const keyOf = (line: string) => /^\s*([^=:]*?)\s*[=:]/.exec(line)?.[1]?.toLowerCase();

/** @param isTidy without the same key twice, for which botocore gives up the file */
const section = (header: fc.Arbitrary<string>) =>
  fc
    .tuple(
      header,
      mostly('', ' # note', '  ', '\t; note', ' junk', ' # [x]'),
      indentation,
      fc.array(piece, { maxLength: 5 }),
      fc.integer({ min: 0, max: 30 }),
    )
    .map(([title, rest, indent, pieces, untidy]) => {
      const keys = new Set<string | undefined>();
      const lines = pieces.flatMap((together) => {
        const own = together
          .filter((line) => !/^\s/.test(line))
          .map(keyOf)
          .filter((key) => key !== undefined);
        if (untidy > 0 && own.some((key) => keys.has(key))) return [];
        for (const key of own) keys.add(key);
        return together.map((line) => (line === '' ? line : indent + line));
      });
      return { title, lines: [`[${title}]${rest}`, ...lines] };
    });

const text = (header: fc.Arbitrary<string>) =>
  fc
    .tuple(
      weighted([30, fc.constant('')], [3, either('# top\n', '\n')], [1, either('\ufeff', 'a = b\n')]),
      weighted(
        [20, fc.uniqueArray(section(header), { maxLength: 5, selector: ({ title }) => title })],
        [1, fc.array(section(header), { maxLength: 4 })],
      ),
      mostly('\n', '\r\n', '\r'),
    )
    .map(([top, sections, end]) => {
      const lines = sections.flatMap(({ lines }) => lines);
      return Buffer.from(top + lines.map((line) => line + end).join(''));
    });

export const awsFiles: fc.Arbitrary<AwsFiles> = fc.record({
  config: text(configHeader),
  credentials: text(credentialsHeader),
});
