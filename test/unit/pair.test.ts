import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withoutPair, withPair } from '../../src/credentials/pair.ts';
import { refusal } from '../refusal.ts';

const PAIR = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY+' };
const NEXT = { accessKeyId: 'AKIAI44QH8DHBEXAMPLE', secretAccessKey: 'je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY' };
const ID = `aws_access_key_id = ${PAIR.accessKeyId}`;
const SECRET = `aws_secret_access_key = ${PAIR.secretAccessKey}`;

describe('the two lines of a pair', () => {
  const files: [name: string, text: string, without: string][] = [
    ['alone', `[default]\n${ID}\n${SECRET}\n`, '[default]\n'],
    ['in another order', `[default]\n${SECRET}\n${ID}\n`, '[default]\n'],
    [
      'between others',
      `[a]\nx = 1\n[default]\nregion = x\n${ID}\n# mine\n${SECRET}\noutput = y\n\n[b]\n`,
      '[a]\nx = 1\n[default]\nregion = x\n# mine\noutput = y\n\n[b]\n',
    ],
    [
      'with notes, and in other spellings',
      `[default]\n AWS_Access_Key_ID=${PAIR.accessKeyId} # caf\xe9\n${SECRET}  \n`,
      '[default]\n',
    ],
    ['with CR LF', `[default]\r\n${ID}\r\n${SECRET}\r\n[b]\r\n`, '[default]\r\n[b]\r\n'],
    ['with CR', `[default]\r${ID}\r${SECRET}\r`, '[default]\r'],
    ['without a last line end', `[b]\n[default]\n${ID}\n${SECRET}`, '[b]\n[default]\n'],
    [
      'between lines with different ends',
      `[default]\r\nregion = x\r\n${ID}\n${SECRET}\r\nz = 1\n`,
      '[default]\r\nregion = x\r\nz = 1\n',
    ],
    ['below a byte order mark', `\xef\xbb\xbf[default]\n${ID}\n${SECRET}\n`, '\xef\xbb\xbf[default]\n'],
  ];

  it.each(files)('the two lines of a pair %s are removed and put back, byte by byte', (_, text, without) => {
    const bytes = Buffer.from(text, 'latin1');
    const { bytes: rest, lines } = withoutPair(bytes, 'default');
    expect(rest.toString('latin1')).toBe(without);
    expect(JSON.stringify(lines)).not.toMatch(/AKIA|wJalr/);
    expect(withPair(rest, 'default', PAIR, lines).toString('latin1')).toBe(text);
  });

  it.each(files)('the two lines of a pair %s keep their form with another pair', (_, text) => {
    const next = text.replace(PAIR.accessKeyId, NEXT.accessKeyId).replace(PAIR.secretAccessKey, NEXT.secretAccessKey);
    expect(withPair(Buffer.from(text, 'latin1'), 'default', NEXT).toString('latin1')).toBe(next);
  });

  it.each([
    ['twice', `[default]\n${ID}\n${ID}\n${SECRET}\n`],
    ['in two sections', `[default]\n${ID}\n${SECRET}\n[default]\n`],
    ['in two halves', `[default]\n${ID}\n[default]\n${SECRET}\n`],
    ['without the secret', `[default]\n${ID}\n`],
    ['with a line that continues it', `[default]\n${ID}\n${SECRET}\n  continued\n`],
    ['as a continuation', `[default]\nregion = x\n  ${ID}\n${SECRET}\n`],
    ['not in the file', '[default]\nregion = x\n'],
    ['of a profile that is not in the file', `[other]\n${ID}\n${SECRET}\n`],
    ['with a letter that is not ASCII', `[default]\n${ID}\u00e9\n${SECRET}\n`],
  ])('a pair %s is not removed', (_, text) => {
    expect(() => withoutPair(Buffer.from(text), 'default')).toThrow(refusal);
  });

  it('a pair comes back below the header when the file has changed since', () => {
    const { lines } = withoutPair(Buffer.from(`[default]\na = 1\nb = 2\n${ID}\n${SECRET}\n`), 'default');
    expect(withPair(Buffer.from('[default]\na=1\n'), 'default', PAIR, lines).toString()).toBe(
      `[default]\n${ID}\n${SECRET}\na=1\n`.replaceAll(' = ', '='),
    );
    expect(withPair(Buffer.from('[b]\na = 1'), 'default', PAIR, lines).toString()).toBe(
      `[b]\na = 1\n\n[default]\n${ID}\n${SECRET}\n`,
    );
  });

  it.each([
    ['after the last line, which has no end', '[default]\na = 1', `[default]\na = 1\n${ID}\n${SECRET}`],
    ['above a new line of its profile', '[default]\na = 1\nb = 2\n', `[default]\na = 1\n${ID}\n${SECRET}\nb = 2\n`],
    ['above a new profile', '[default]\na = 1\n[b]\n', `[default]\na = 1\n${ID}\n${SECRET}\n[b]\n`],
  ])('a pair that was at the end of the file comes back %s', (_, now, expected) => {
    const { lines } = withoutPair(Buffer.from(`[default]\na = 1\n${ID}\n${SECRET}`), 'default');
    expect(withPair(Buffer.from(now), 'default', PAIR, lines).toString()).toBe(expected);
  });

  it.each([
    { accessKeyId: '' },
    { accessKeyId: 'AKIA X' },
    { accessKeyId: 'AKIAX\n[b]' },
    { secretAccessKey: '' },
    { secretAccessKey: 'a b' },
    { secretAccessKey: 'a\n[b]' },
  ])('a pair is not written if it is malformed: %j', (part) => {
    expect(() => withPair(Buffer.from('[default]\n'), 'default', { ...PAIR, ...part })).toThrow(refusal);
  });

  it('a pair is not written beside half of another one', () => {
    expect(() => withPair(Buffer.from(`[default]\n${ID}\n`), 'default', NEXT)).toThrow(refusal);
  });

  it('a pair does not come back between a setting and the lines that continue it', () => {
    const { lines } = withoutPair(Buffer.from(`[default]\ns3 =\n${ID}\n${SECRET}\n`), 'default');
    expect(withPair(Buffer.from('[default]\ns3 =\n  a = 1\n'), 'default', PAIR, lines).toString()).toBe(
      `[default]\n${ID}\n${SECRET}\ns3 =\n  a = 1\n`,
    );
  });

  it('a pair that is removed and put back leaves every file as it was', () => {
    const other = fc.constantFrom(
      'region = x',
      '# note',
      '',
      's3 =\n  a = 1',
      'b=2',
      '[other]',
      '[z]\naws_access_key_id = AKIAZ',
    );
    const end = fc.constantFrom('\n', '\r\n');
    fc.assert(
      fc.property(
        fc.array(other),
        fc.array(other),
        fc.array(other),
        end,
        fc.boolean(),
        (above, between, below, eol, closed) => {
          fc.pre(!between.some((line) => line.startsWith('[')));
          const text = [...above, '[default]', ID, ...between, SECRET, ...below].join('\n').replaceAll('\n', eol);
          const bytes = Buffer.from(text + (closed ? eol : ''));
          let removed: ReturnType<typeof withoutPair>;
          try {
            removed = withoutPair(bytes, 'default');
          } catch {
            return;
          }
          expect(withPair(removed.bytes, 'default', PAIR, removed.lines).toString()).toBe(bytes.toString());
        },
      ),
      { numRuns: 100 },
    );
  });
});
