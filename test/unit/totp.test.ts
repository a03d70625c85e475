import { describe, expect, test } from 'vitest';
import { authenticator, totp } from '../../src/sandbox/totp.ts';

const SECRET = Buffer.from('12345678901234567890');

describe('totp', () => {
  // RFC 6238, appendix B: the last six of its eight digits.
  test.each([
    [59, '287082'],
    [1111111109, '081804'],
    [1111111111, '050471'],
    [1234567890, '005924'],
    [2000000000, '279037'],
    [20000000000, '353130'],
  ])('totp gives the code of RFC 6238 at %d s', (seconds, code) => {
    expect(totp(SECRET, seconds * 1000)).toBe(code);
  });

  test('totp keeps its code until the last millisecond of the step', () => {
    expect(totp(SECRET, 30_000)).toBe('287082');
    expect(totp(SECRET, 59_999)).toBe('287082');
    expect(totp(SECRET, 60_000)).not.toBe('287082');
  });

  test('totp counts in steps of another length', () => {
    expect(totp(SECRET, 2_000, 2)).toBe(totp(SECRET, 30_000));
  });
});

describe('an authenticator', () => {
  test('an authenticator shows the code of the step', () => {
    expect(authenticator(SECRET).code(59_000)).toBe('287082');
  });
});
