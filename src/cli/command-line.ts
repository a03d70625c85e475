import { CommanderError } from 'commander';
import { complain } from './complain.ts';
import type { GlobalOptions } from './options.ts';
import { createProgram } from './program.ts';

/** Runs what the command line says. Rejects never: `process.exitCode` tells how it went. */
export async function runCommandLine(): Promise<void> {
  // Whoever read what we write is gone (a pager, a terminal): no reason to end in a crash.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const program = createProgram();
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else process.exitCode = complain(error, program.opts<GlobalOptions>().debug);
  }
}
