import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { packageFile } from '../../package-file.ts';
import type { CompletedShell } from '../options.ts';
import { completedProgram } from './program.ts';

/** Prints the completion script of a shell: its file in `completions/`, filled in from the definition of the program. */
export async function completion(shell: CompletedShell, program: Command): Promise<void> {
  const template = await readFile(packageFile(`completions/aws-mfa-agent.${shell}`), 'utf8');
  const parts = await partsFor(shell, program);
  process.stdout.write(template.replace(/@([A-Z_]+)@/g, (_, part) => parts[part] ?? ''));
}

async function partsFor(shell: CompletedShell, program: Command): Promise<Record<string, string>> {
  const completed = completedProgram(program);
  switch (shell) {
    case 'bash':
      return (await import('./bash.ts')).bashParts(completed);
    case 'zsh':
      return (await import('./zsh.ts')).zshParts(completed);
    case 'fish':
      return (await import('./fish.ts')).fishParts(completed);
  }
}
