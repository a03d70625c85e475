/** Times in milliseconds since the epoch, in their order. */
export type Upcoming = (expression: string) => Promise<number[]>;

export interface ScheduleListener {
  /** It is time. */
  call(): void;
  /** The next times are known now. */
  known(): void;
  /** They are not, and there will be no call. */
  failed(error: unknown): void;
}

export interface Schedule {
  /** When the next call is due, as far as that is known. */
  next(): number | undefined;
  stop(): void;
}

/** The longest time that a timer of Node runs. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** A timer is this much early at the most, by the clock on the wall. */
const EARLY = 1_000;

/**
 * Calls at the times of a cron expression. A time that passes while the machine sleeps is called once, after it has woken.
 * A clock that is set back makes no call late: the timer runs out all the same, and the times are asked for anew.
 * @param upcoming gives the next times, at least one; asked again when they are used up
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
    timer = setTimeout(() => {
      if (wait < LONGEST_TIMER) {
        const wasSetBack = Date.now() < next - EARLY;
        times = wasSetBack ? [] : times.slice(1);
        listener.call();
      }
      void arm().catch(listener.failed);
    }, wait);
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
