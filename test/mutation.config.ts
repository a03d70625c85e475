import { defineConfig } from 'vitest/config';

/** The unit tests, as Stryker runs them: see README.md, "Mutation". */
export default defineConfig({ test: { include: ['test/unit/**/*.test.ts'], pool: 'forks', testTimeout: 60_000 } });
