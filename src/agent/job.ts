import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { AskRequest } from '../ask/ask.ts';
import type { Offer } from '../ask/desktop/offer.ts';
import { packageFile } from '../package-file.ts';
import type { LeftNotification } from '../session/state.ts';
import { nodePath } from '../start-child.ts';
import type {
  AssumeJob,
  assumeJob,
  ForgetJob,
  forgetJob,
  RefreshJob,
  refreshJob,
  Tell,
  VerifyJob,
  verifyJob,
} from './jobs.ts';
import type { upcomingChecks } from './upcoming.ts';

/**
 * What a child does for the agent: everything that needs the AWS SDK, a desktop or time zones. Once loaded, these would
 * take as much memory as the rest of the agent, until it ends.
 */
export type Job =
  | { do: 'isSchedule'; input: string }
  | { do: 'upcoming'; input: string }
  | { do: 'verify'; input: VerifyJob }
  | { do: 'refresh'; input: RefreshJob }
  | { do: 'assume'; input: AssumeJob }
  | { do: 'offer'; input: Offer }
  | { do: 'forget'; input: ForgetJob }
  | { do: 'closeLeft'; input: LeftNotification[] };

interface Results {
  isSchedule: boolean;
  upcoming: ReturnType<typeof upcomingChecks>;
  verify: Awaited<ReturnType<typeof verifyJob>>;
  refresh: Awaited<ReturnType<typeof refreshJob>>;
  assume: Awaited<ReturnType<typeof assumeJob>>;
  offer: boolean;
  forget: Awaited<ReturnType<typeof forgetJob>>;
  closeLeft: undefined;
}

export type ToJob = Job | { withdraw: true } | { raise: AskRequest };
export type FromJob =
  | { result: Results[keyof Results] }
  | { error: string }
  | { tell: Parameters<Tell> }
  | { opened: true };

interface JobListener {
  /** Aborted to close the prompt of a refresh. */
  signal?: AbortSignal;
  /** Receives a listener that repeats the prompt. */
  onChange?(listener: (request: AskRequest) => void): void;
  /** Called when a code field of a refresh appears. */
  onOpen?: (() => void) | undefined;
  tell?: Tell;
}

/**
 * Runs a job in a child process. Requests and results pass only through a socket between the two processes.
 * @throws if the child ends without a result
 */
export function runJob<Name extends Job['do']>(
  job: Job & { do: Name },
  { signal, onChange, onOpen, tell }: JobListener = {},
): Promise<Results[Name]> {
  const child = fork(fileURLToPath(packageFile('dist/job-child.cjs')), [], { execPath: nodePath(), execArgv: [] });
  // A child that has just ended cannot receive anything.
  const send = (message: ToJob) => child.connected && child.send(message, () => {});
  const withdraw = () => send({ withdraw: true });
  return new Promise<Results[Name]>((resolve, reject) => {
    child.on('message', (message: FromJob) => {
      if ('tell' in message) tell?.(...message.tell);
      else if ('opened' in message) onOpen?.();
      else if ('error' in message) reject(new Error(message.error));
      else resolve(message.result as Results[Name]);
    });
    child.once('error', reject);
    child.once('exit', (status, killedBy) => {
      const end = () => reject(new Error(`the process for "${job.do}" ended without a result (${killedBy ?? status})`));
      // The child's last message may still be on its way: Node can report the exit before it.
      if (child.connected) child.once('disconnect', end);
      else end();
    });
    send(job);
    onChange?.((request) => send({ raise: request }));
    signal?.addEventListener('abort', withdraw);
    if (signal?.aborted) withdraw();
  }).finally(() => signal?.removeEventListener('abort', withdraw));
}
