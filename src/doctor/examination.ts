import { withTimeout } from '../time/timeout.ts';
import { type Check, error, type Finding, SUBJECTS } from './finding.ts';

/** A function that makes one or several checks. */
export interface Inspection {
  /** The check that is reported if the function fails. */
  check: Check;
  /** How long it may take, in milliseconds: longer than the sum of its own timeouts. */
  limit?: number;
  run(): Finding[] | Promise<Finding[]>;
}

/**
 * Runs all checks at once. Always resolves: a check that fails or takes too long is reported as an error.
 * @param onCrash gets each error, which may contain secrets
 * @returns the findings in the order of {@link SUBJECTS}, and whether a check that took too long is still running
 */
export async function examine(
  inspections: readonly Inspection[],
  onCrash: (error: unknown) => void,
): Promise<{ findings: Finding[]; abandoned: boolean }> {
  let abandoned = false;
  const failed = (check: Check, found: string) => [
    error(check, found, 'run "aws-mfa-agent --debug doctor", and report what it prints'),
  ];
  const found = await Promise.all(
    inspections.map(async ({ check, limit = 10_000, run }) => {
      try {
        const findings = await withTimeout((async () => run())(), limit, () => 'late' as const);
        if (findings !== 'late') return findings;
        abandoned = true;
        return failed(check, `the check timed out after ${limit / 1000} s`);
      } catch (problem) {
        onCrash(problem);
        return failed(check, `the check failed (${kindOf(problem)})`);
      }
    }),
  );
  const order: readonly Check[] = Object.values(SUBJECTS).flat();
  const findings = found.flat().sort((one, other) => order.indexOf(one.check) - order.indexOf(other.check));
  return { findings, abandoned };
}

/** Returns the kind of an unexpected error. Its message may repeat secrets that were read. */
function kindOf(error: unknown): string {
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.name) : 'unknown error';
}
