import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runJob } from '../../src/agent/job.ts';
import { LIMIT } from '../within.ts';

const CHILDREN = `/proc/${process.pid}/task/${process.pid}/children`;
const children = () => readFileSync(CHILDREN, 'utf8').split(' ').filter(Boolean).map(Number);
const hasEnded = (pid: number) => /^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
/** Waits without the event loop, which would take the result. */
function waitForEnd(pid: number): void {
  const limit = performance.now() + LIMIT;
  while (!hasEnded(pid)) {
    if (performance.now() > limit) throw new Error(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }
}

describe.skipIf(!existsSync(CHILDREN))('two jobs that end together', () => {
  it("two jobs that end together both have their result, also when one's end is seen before its result", async () => {
    const before = new Set(children());
    const upcoming = () => runJob({ do: 'upcoming', input: '* * * * *' });
    const first = upcoming();
    const second = upcoming();
    const [one = 0, other = 0] = children().filter((pid) => !before.has(pid));
    process.kill(other, 'SIGSTOP');
    waitForEnd(one);
    // Node has the result of the first now, and then looks for all that have ended.
    const results = await Promise.all([
      first.then((times) => {
        process.kill(other, 'SIGCONT');
        waitForEnd(other);
        return times.length;
      }),
      second.then((times) => times.length),
    ]);
    expect(results).toEqual([expect.any(Number), expect.any(Number)]);
  });
});
