import { describe, expect, it } from 'vitest';
import { formatDuration } from '../../src/time/duration.ts';

describe('formatDuration', () => {
  it.each([
    [-5_000, '0s'],
    [0, '0s'],
    [59_999, '59s'],
    [60_000, '1m'],
    [3_599_999, '59m'],
    [3_600_000, '1h 00m'],
    [3_900_000, '1h 05m'],
    [86_399_999, '23h 59m'],
    [86_400_000, '1d 0h'],
    [2 * 86_400_000 + 3 * 3_600_000 + 59 * 60_000, '2d 3h'],
  ])('formatDuration shows %i ms as %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });
});
