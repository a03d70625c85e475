import cron from 'node-cron';

const DAY = 86_400_000;

/** Computing this many takes a tenth of a second. */
const MOST = 1_500;

/**
 * Returns the times of a cron expression in about the next day, at least two.
 * @returns milliseconds since the epoch
 */
export function upcomingChecks(expression: string): number[] {
  const task = cron.createTask(expression, () => {}, isOfEveryHour(expression) ? { timezone: 'Etc/UTC' } : {});
  const [first, second] = task.getNextRuns(2).map(Number);
  const often = first === undefined || second === undefined ? 2 : Math.ceil(DAY / (second - first));
  return task.getNextRuns(Math.min(Math.max(2, often), MOST)).map(Number);
}

/**
 * Returns whether an expression means the same minutes of every hour, so that the time zone does not matter. In local time,
 * node-cron skips one of the two hours that have the same name when summer time ends.
 */
function isOfEveryHour(expression: string): boolean {
  const isWhole = new Date().getTimezoneOffset() % 60 === 0;
  return isWhole && /(^|\s)\*\s+\*\s+\*\s+\*$/.test(expression.trim());
}
