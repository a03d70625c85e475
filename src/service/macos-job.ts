import { fstatSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The agent's job in launchd, as `install` writes it. */
export const LABEL = 'io.github.aws-mfa-agent';

/** The job that `brew services start` makes of a formula. */
export const HOMEBREW_LABEL = 'homebrew.mxcl.aws-mfa-agent';

/** The file that launchd opens as the standard error of the job. */
export function logFile(home: string): string {
  return join(home, 'Library', 'Logs', 'aws-mfa-agent.log');
}

/**
 * Returns whether launchd has started this process as a job that it starts again.
 * @param environment launchd sets `XPC_SERVICE_NAME` to the label of a job. It is removed, since children inherit it
 */
export function isLaunchdJob(environment: NodeJS.ProcessEnv): boolean {
  const { XPC_SERVICE_NAME = '' } = environment;
  const isJob = [LABEL, HOMEBREW_LABEL].includes(XPC_SERVICE_NAME);
  if (isJob) delete environment.XPC_SERVICE_NAME;
  return isJob;
}

/** The largest log at the start of the agent, and how much of a larger one is kept, in bytes. */
const MOST_LOG = 1_000_000;
const KEPT_LOG = 500_000;

/** The logs of the agent's job, and of Homebrew's on Apple silicon and on Intel. */
export function logFiles(home: string): string[] {
  return [logFile(home), ...['/opt/homebrew', '/usr/local'].map((prefix) => `${prefix}/var/log/aws-mfa-agent.log`)];
}

/** Cuts a log to its newest lines if this process writes it and it is too large. launchd never does, and opens it for appending. */
export function cutLog(file: string): void {
  try {
    const [own, found] = [fstatSync(2), statSync(file)];
    if (own.ino !== found.ino || own.dev !== found.dev || found.size <= MOST_LOG) return;
    const text = readFileSync(file).subarray(-KEPT_LOG);
    writeFileSync(file, text.subarray(text.indexOf('\n') + 1));
  } catch {
    // The agent can do without a shorter log.
  }
}
