import { defineConfig } from 'vitest/config';
import Sequencer from './test/sequencer.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    sequence: { sequencer: Sequencer },
    reporters: ['./test/reporter.ts'],
    // They wait for others more than they work: five at a time keep two cores busy.
    maxWorkers: 5,
    // Waiting has limits of its own, and says what was seen: see test/within.ts. This is the last net.
    // Desktops, buses and service managers are real here, and the machine is busy: what fails is tried once more, and listed at
    // the end with its error. Look at it: it is a race in the test, or in the program.
    retry: 1,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
