import { defineConfig } from 'vitest/config';
import Sequencer from './test/sequencer.ts';
import { BUSY } from './test/within.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    sequence: { sequencer: Sequencer },
    reporters: ['./test/reporter.ts'],
    // They wait for others more than they work: five at a time keep two cores busy.
    maxWorkers: 5,
    // Waiting has limits of its own, and says what was seen: see test/within.ts. This is the last net.
    // What ran out of time on a busy machine, and only that, is tried once more, and listed at the end.
    retry: { count: 1, condition: BUSY },
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
