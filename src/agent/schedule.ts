import { LONGEST_TIMER } from '../time/clock.ts';

/** Returns the next times of a cron expression, in ascending order, in milliseconds since the epoch. */
export type Upcoming = (expression: string) => Promise<number[]>;

export interface ScheduleListener {
  /** Called at each time of the schedule. */
  call(): void;
  /** Called when the next times are known. */
  known(): void;
  /** Called when the next times could not be computed; the schedule then stops. */
  failed(error: unknown): void;
  /** Sets a timer: `setTimeout` by default. */
  after?(delay: number, call: () => void): NodeJS.Timeout;
}

export interface Schedule {
  /** Returns when the next call is due, if that is known yet. */
  next(): number | undefined;
  stop(): void;
}

/** How much earlier than the system clock a timer may fire, in milliseconds. */
const EARLY = 1_000;

/**
 * Calls the listener at the times of a cron expression. After the machine has slept, a missed time causes one call. If the
 * clock is set back, the call is not late: the timer still fires, and the next times are computed again.
 * @param upcoming returns the next times, at least one; called again when they are used up
 */
export function schedule(expression: string, upcoming: Upcoming, listener: ScheduleListener): Schedule {
  let times: number[] = [];
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  const arm = async () => {
    const now = Date.now();
    times = times.filter((time) => time > now);
    const areKnown = times.length > 0;
    if (!areKnown) times = await upcoming(expression);
    const [next] = times;
    if (isStopped || next === undefined) return;
    if (!areKnown) listener.known();
    const wait = Math.min(Math.max(0, next - Date.now()), LONGEST_TIMER);
    const after = listener.after ?? ((delay, call) => setTimeout(call, delay));
    timer = after(wait, () => {
      if (wait < LONGEST_TIMER) {
        const wasSetBack = Date.now() < next - EARLY;
        times = wasSetBack ? [] : times.slice(1);
        listener.call();
      }
      void arm().catch(listener.failed);
    });
  };
  void arm().catch(listener.failed);

  return {
    next: () => times[0],
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
