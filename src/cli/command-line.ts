import { CommanderError } from 'commander';
import { complain } from './complain.ts';
import { withDashes } from './dashes.ts';
import type { GlobalOptions } from './options.ts';
import { say } from './output.ts';
import { createProgram } from './program.ts';

/** Parses the command line and runs the command. Never rejects; sets `process.exitCode`. */
export async function runCommandLine(): Promise<void> {
  // A reader that has gone (a pager, a terminal) must not crash the program.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const program = createProgram();
  for (const command of [program, ...program.commands]) {
    command.configureOutput({ writeErr: (text) => say(text.trimEnd()) });
  }
  try {
    const words = withDashes(process.argv.slice(2), program);
    const [first, about] = words;
    const isKnown =
      about === undefined || [...program.commands.map((command) => command.name()), 'help'].includes(about);
    // For another command than the known ones, commander's own `help` shows the help of all.
    await program.parseAsync(first === 'help' && !isKnown ? [about] : about === 'help' ? [about] : words, {
      from: 'user',
    });
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else process.exitCode = complain(error, program.opts<GlobalOptions>().debug);
  }
}
