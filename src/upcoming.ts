import cron from 'node-cron';

const DAY = 86_400_000;

/** So many are known in a tenth of a second. */
const MOST = 1_500;

/**
 * The times of a cron expression in about the next day, at least two.
 * @returns milliseconds since the epoch
 */
export function upcomingChecks(expression: string): number[] {
  const task = cron.createTask(expression, () => {});
  const [first, second] = task.getNextRuns(2).map(Number);
  const often = first === undefined || second === undefined ? 2 : Math.ceil(DAY / (second - first));
  return task.getNextRuns(Math.min(Math.max(2, often), MOST)).map(Number);
}
