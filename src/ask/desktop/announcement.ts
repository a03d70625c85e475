import { pause } from '../../time/pause.ts';
import { withTimeout } from '../../time/timeout.ts';
import { type Bus, connectBus } from './bus.ts';
import * as service from './notification-service.ts';

/** A notification without buttons that is shown while something lasts. */
export interface Announcement {
  /** Shows this text, in the place of the last one. */
  say(text: string): void;
  /** Closes it for good. Leaves no work on the bus after a few seconds. */
  close(): void;
}

/** The least time between two texts, in milliseconds: some programs write continuously. */
const PAUSE = 500;

/**
 * Prepares a notification over D-Bus (Linux, the BSDs). Connects at the first `say`. Never throws; does nothing if no
 * notification can be shown.
 * @param title one line
 * @param limit milliseconds after which the service may close it by itself, in case we cannot
 */
export function announce(title: string, environment: NodeJS.ProcessEnv, limit: number): Announcement {
  const over = new AbortController();
  const connection = new AbortController();
  let bus: Bus | undefined;
  let shown: service.Shown | undefined;
  let wanted = '';
  let showing: Promise<void> | undefined;

  const showWanted = async () => {
    try {
      bus ??= await connectBus('session', environment, connection.signal);
      for (let said: string | undefined; wanted !== said && !over.signal.aborted; ) {
        said = wanted;
        const hints = { transient: true };
        const notification = { title, text: said, actions: [], isUrgent: false, hints, limit };
        shown = await service.show(bus, notification, await service.capabilities(bus), shown);
        await pause(PAUSE, over.signal);
      }
    } catch {
      // No bus or no service: the command works without it.
    } finally {
      showing = undefined;
    }
  };
  const closeShown = async () => {
    // The last text may not have been shown yet.
    if (showing) await withTimeout(showing, service.CLOSE_TIMEOUT, () => {});
    if (bus && shown) await service.closeNotification(bus, shown);
    connection.abort();
  };

  return {
    say(text) {
      if (over.signal.aborted || text === wanted) return;
      wanted = text;
      showing ??= showWanted();
    },
    close() {
      if (over.signal.aborted) return;
      over.abort();
      void closeShown();
    },
  };
}
