#!/usr/bin/env node
import { complain } from './cli/complain.ts';
import { credentialProcess } from './commands/credential-process.ts';
import { env } from './commands/env.ts';
import { status } from './commands/status.ts';
import { restoreCredentialsFile } from './session/variables.ts';

// `exec --server` hides the credentials file from the tools of its command, but not from this program.
restoreCredentialsFile(process.env);

/**
 * Runs the commands that shells and AWS tools call often, and the agent, without the parser of command lines if they have no
 * options. Loading the parser takes longer than such a command, and memory in the agent.
 */
async function run(words: string[]): Promise<void> {
  const [command, ...behind] = words;
  const dashes = behind.indexOf('--');
  const names = dashes < 0 ? behind : behind.slice(0, dashes);
  const [profile] = names;
  if (command === 'exec' && !names.slice(0, 2).some(isOption) && (dashes >= 0 || names.length > 1)) {
    return (await import('./commands/exec.ts')).exec(names, dashes < 0 ? [] : behind.slice(dashes + 1), {});
  }
  if (names.length <= 1 && !names.some(isOption)) {
    switch (dashes < 0 && command) {
      case 'status':
        return status(names, {}).then(endNow);
      case 'env':
        return env(profile, {}).then(endNow);
      case 'credential-process':
        return credentialProcess(profile, {});
      case 'run':
        if (profile === undefined) return (await import('./commands/run.ts')).run({});
    }
  }
  return (await import('./cli/command-line.ts')).runCommandLine();
}

/** Ends this process without first closing its connection to the agent and V8's heap: a twentieth of the time of `status`. */
function endNow(): void {
  process.exit();
}

function isOption(word: string): boolean {
  return word.startsWith('-');
}

let isDone = false;
// Nothing is left that could complete the command: without this, it would end with exit status 0.
process.once('beforeExit', () => {
  if (!isDone) process.exitCode = complain(new Error('ended without a result; please report this'));
});
run(process.argv.slice(2))
  .catch((error: unknown) => {
    process.exitCode = complain(error);
  })
  .finally(() => {
    isDone = true;
  });
