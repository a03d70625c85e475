import { spawnSync } from 'node:child_process';

/** Whether a program can be started; says so where it cannot, for the tests that are skipped. */
export function isInstalled(program: string, ...args: string[]): boolean {
  const { status } = spawnSync(program, args, { stdio: 'ignore' });
  if (status !== 0) process.stderr.write(`skipped: the tests with ${program}, which does not run here\n`);
  return status === 0;
}
