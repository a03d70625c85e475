import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // They wait for others more than they work: three at a time keep two cores busy.
    maxWorkers: 3,
    // Real processes, desktops and disks: a limit that only a hang reaches.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
