import { CommanderError } from 'commander';
import { complain } from './complain.ts';
import type { GlobalOptions } from './options.ts';
import { createProgram } from './program.ts';

/** Parses the command line and runs the command. Never rejects; sets `process.exitCode`. */
export async function runCommandLine(): Promise<void> {
  // A reader that has gone (a pager, a terminal) must not crash the program.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const program = createProgram();
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else process.exitCode = complain(error, program.opts<GlobalOptions>().debug);
  }
}
