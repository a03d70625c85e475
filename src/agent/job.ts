import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { AskRequest } from '../ask/ask.ts';
import { packageFile } from '../package-file.ts';
import type { RefreshJob, refreshJob, Tell, VerifyJob, verifyJob } from './jobs.ts';
import type { upcomingChecks } from './upcoming.ts';

/**
 * What a child does for the agent: all that needs the SDK of AWS, a desktop, or the knowledge of time zones, which take as
 * much memory again as the rest of the agent, for good, once they are loaded.
 */
export type Job =
  | { do: 'isSchedule'; input: string }
  | { do: 'upcoming'; input: string }
  | { do: 'verify'; input: VerifyJob }
  | { do: 'refresh'; input: RefreshJob };

interface Results {
  isSchedule: boolean;
  upcoming: ReturnType<typeof upcomingChecks>;
  verify: Awaited<ReturnType<typeof verifyJob>>;
  refresh: Awaited<ReturnType<typeof refreshJob>>;
}

export type ToJob = Job | { withdraw: true } | { raise: AskRequest };
export type FromJob = { result: Results[keyof Results] } | { error: string } | { tell: Parameters<Tell> };

interface JobListener {
  /** Withdraws the question of a refresh. */
  signal?: AbortSignal;
  /** Is given what raises the question again. */
  onChange?(listener: (request: AskRequest) => void): void;
  tell?: Tell;
}

/**
 * Has a child do a job. What goes to it and comes back stays in a socket between the two.
 * @throws when the child ends without a result
 */
export function runJob<Name extends Job['do']>(
  job: Job & { do: Name },
  { signal, onChange, tell }: JobListener = {},
): Promise<Results[Name]> {
  const child = fork(fileURLToPath(packageFile('dist/job-child.cjs')), [], { execArgv: [] });
  // A child that has just ended hears nothing more.
  const send = (message: ToJob) => child.connected && child.send(message, () => {});
  const withdraw = () => send({ withdraw: true });
  return new Promise<Results[Name]>((resolve, reject) => {
    child.on('message', (message: FromJob) => {
      if ('tell' in message) tell?.(...message.tell);
      else if ('error' in message) reject(new Error(message.error));
      else resolve(message.result as Results[Name]);
    });
    child.once('error', reject);
    child.once('exit', (status, killedBy) => {
      const end = () => reject(new Error(`the process for "${job.do}" ended without a result (${killedBy ?? status})`));
      // What it said last may still be on its way: Node looks for all that have ended as soon as one has.
      if (child.connected) child.once('disconnect', end);
      else end();
    });
    send(job);
    onChange?.((request) => send({ raise: request }));
    signal?.addEventListener('abort', withdraw);
    if (signal?.aborted) withdraw();
  }).finally(() => signal?.removeEventListener('abort', withdraw));
}
