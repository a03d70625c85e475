import { type Check, type Finding, SUBJECTS, type Subject } from './finding.ts';

/** One look at one thing. */
export interface Look {
  /** The check that stands for it when it fails. */
  check: Check;
  /** How long it may take, in milliseconds. */
  limit: number;
  look(): Finding[] | Promise<Finding[]>;
}

/**
 * Looks at all things at once. Settles always: a look that fails, or takes too long, is a finding itself.
 * @param onCrash told what happened, in full, which may hold secrets
 * @returns what was found in the order of {@link SUBJECTS}, and whether a look was given up that still goes on
 */
export async function examine(
  looks: readonly Look[],
  onCrash: (error: unknown) => void = () => {},
): Promise<{ findings: Finding[]; abandoned: boolean }> {
  let abandoned = false;
  const found = await Promise.all(
    looks.map(async ({ check, limit, look }) => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<'late'>((resolve) => {
        timer = setTimeout(resolve, limit, 'late');
      });
      try {
        const findings = await Promise.race([(async () => look())(), late]);
        if (findings !== 'late') return findings;
        abandoned = true;
        return [failed(check, `this could not be looked at within ${limit / 1000} s`)];
      } catch (error) {
        onCrash(error);
        return [failed(check, `this could not be looked at (${nameOf(error)})`)];
      } finally {
        clearTimeout(timer);
      }
    }),
  );
  const order: readonly Check[] = Object.values(SUBJECTS).flat();
  const findings = found.flat().sort((one, other) => order.indexOf(one.check) - order.indexOf(other.check));
  return { findings, abandoned };
}

/** The subject that a check belongs to. */
export function subjectOf(check: Check): Subject {
  const subjects = Object.entries(SUBJECTS) as [Subject, readonly Check[]][];
  return (subjects.find(([, checks]) => checks.includes(check)) ?? (['Settings'] as const))[0];
}

function failed(check: Check, found: string): Finding {
  return { check, level: 'error', found, mend: 'run it again with --debug, and report what it says' };
}

/** The message of an error that nobody foresaw may repeat what was read: only its kind is told. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  const { code } = error as NodeJS.ErrnoException;
  return code ?? error.name;
}
