import { isInstalled, runCommand } from '../run-command.ts';

/** By `PATH`: whether util-linux's setpriv is there; busybox's lacks the option. */
const known = new Map<string, Promise<boolean>>();

/**
 * Returns the command line of a program that ends when this process does, also when this process is killed (Linux). Without
 * `setpriv`, the program stays on the screen then, unless systemd ends it.
 * @see PR_SET_PDEATHSIG in prctl(2)
 */
export async function endingWithUs(
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<readonly string[]> {
  const { PATH = '' } = environment;
  const canEnd = known.get(PATH) ?? probe(environment);
  known.set(PATH, canEnd);
  return (await canEnd) ? [...SETPRIV, '--', ...words] : words;
}

const SETPRIV = ['setpriv', '--pdeathsig', 'TERM'];

async function probe(environment: NodeJS.ProcessEnv): Promise<boolean> {
  if (process.platform !== 'linux' || !isInstalled('setpriv', environment)) return false;
  return (await runCommand([...SETPRIV, 'true'], { environment, timeout: 2_000 })).ok;
}
