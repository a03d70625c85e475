import { spawnSync } from 'node:child_process';

/** Whether a program can be started; says so where it cannot, for the tests that are skipped. */
export function isInstalled(program: string, ...args: string[]): boolean {
  const { status } = spawnSync(program, args, { stdio: 'ignore' });
  if (status !== 0) process.stderr.write(`skipped: the tests with ${program}, which does not run here\n`);
  return status === 0;
}

/** Whether Python has a module; says so where it has not. @param what is skipped then */
export function canImport(name: string, what: string): boolean {
  if (spawnSync('python3', ['-c', `import ${name}`], { stdio: 'ignore' }).status === 0) return true;
  process.stderr.write(`skipped: ${what}, for python3 has no ${name} here\n`);
  return false;
}
