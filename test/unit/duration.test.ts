import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration, shortDuration } from '../../src/time/duration.ts';

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

it.each([
  [' 15m ', 900_000],
  ['1h 30m', 5_400_000],
  ['2d', 172_800_000],
  ['90', undefined],
  ['', undefined],
])('the duration %j is read as %s ms', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

it.each([
  [7_200_000, '2h'],
  [5_400_000, '90m'],
  [45_000, '45s'],
  [1_500, '2s'],
])('%i ms are written like a setting as %s', (milliseconds, text) => {
  expect(shortDuration(milliseconds)).toBe(text);
});
