import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred } from '../../src/time/deferred.ts';
import { pause } from '../../src/time/pause.ts';
import { withTimeout } from '../../src/time/timeout.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a timeout', () => {
  it('a timeout returns the value of the work in time, and leaves no timer', async () => {
    expect(await withTimeout(Promise.resolve('done'), 1_000, () => 'late')).toBe('done');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('a timeout passes on the failure of the work, and leaves no timer', async () => {
    await expect(withTimeout(Promise.reject(new Error('broken')), 1_000, () => 'late')).rejects.toThrow('broken');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('a timeout returns the other value after the limit, and not before', async () => {
    const settled = vi.fn();
    void withTimeout(deferred().promise, 1_000, () => 'late').then(settled);
    await vi.advanceTimersByTimeAsync(999);
    expect(settled).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(settled).toHaveBeenCalledWith('late');
  });

  it('a timeout rejects after the limit if the other value is an error', async () => {
    const limited = withTimeout(deferred().promise, 1_000, () => {
      throw new Error('too late');
    });
    const rejected = expect(limited).rejects.toThrow('too late');
    await vi.advanceTimersByTimeAsync(1_000);
    await rejected;
  });
});

describe('a pause', () => {
  it('a pause ends after its time, and not before', async () => {
    const ended = vi.fn();
    void pause(1_000).then(ended);
    await vi.advanceTimersByTimeAsync(999);
    expect(ended).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(ended).toHaveBeenCalled();
  });

  it('a pause ends at once when its signal is aborted, before or during it, and leaves no timer and no listener', async () => {
    await pause(1_000, AbortSignal.abort());
    expect(vi.getTimerCount()).toBe(0);
    const controller = new AbortController();
    const paused = pause(1_000, controller.signal);
    controller.abort();
    await paused;
    expect(vi.getTimerCount()).toBe(0);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });
});
