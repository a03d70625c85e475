import { describe, expect, it } from 'vitest';
import { holds, until, within } from '../within.ts';

// On a busy machine, the limit is up to three times as long.
const NOT_WITHIN =
  /^not within (0\.1 s|0\.\d+ s \(instead of 0\.1 s: processors idle for \d+ % of the last 0\.05 s\)): /;

describe('the limits of tests', () => {
  it('a promise that does not resolve fails with what was seen by then', async () => {
    const failing = within('a miracle', new Promise(() => {}), () => ['a', 'bird'], 100);
    await expect(failing).rejects.toThrow(
      new RegExp(`${NOT_WITHIN.source}a miracle\nseen by then: \\[ 'a', 'bird' \\]$`),
    );
  });

  it('a promise that rejects fails with its own error', async () => {
    await expect(within('a miracle', Promise.reject(new Error('no')))).rejects.toThrow(/^no$/);
  });

  it('looking ends when something is there, also if it is empty', async () => {
    let looks = 0;
    expect(await until('a text', () => (++looks < 3 ? undefined : ''))).toBe('');
    expect(looks).toBe(3);
    await expect(until('a text', () => false, undefined, 100)).rejects.toThrow(NOT_WITHIN);
  });

  it('assertions are repeated until they hold, and fail as the last one did', async () => {
    let looks = 0;
    await holds(() => expect(++looks).toBe(3));
    await expect(holds(() => expect(looks).toBe(4), 100)).rejects.toThrow(/^not within .*: this: expected 3 to be 4/);
  });
});
