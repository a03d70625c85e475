#!/usr/bin/env node
import { CommanderError } from 'commander';
import { UserError } from './errors.ts';
import { createProgram, type GlobalOptions } from './program.ts';

const program = createProgram();

// Whoever read what we write is gone (a pager, a terminal): no reason to end in a crash.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
program.parseAsync().catch((error: unknown) => {
  process.exitCode = exitStatus(error);
});

/** 0 done; 1 it failed; 2 usage or configuration error; 3 the session asked about is not fresh. */
function exitStatus(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const debug = program.opts<GlobalOptions>().debug;
  const shown = error instanceof Error ? (debug && error.stack) || error.message : String(error);
  process.stderr.write(`aws-mfa-agent: ${shown}\n`);
  return error instanceof UserError ? error.status : 1;
}
