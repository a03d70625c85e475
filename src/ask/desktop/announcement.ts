import { type Bus, connectBus } from '../../bus/bus.ts';
import { pause } from '../../time/pause.ts';
import { withTimeout } from '../../time/timeout.ts';
import { macosAnnouncement } from '../macos-notice.ts';
import * as service from './notification-service.ts';

/** A notification without buttons that is shown while something lasts. */
export interface Announcement {
  /** Shows this text, in the place of the last one. */
  say(text: string): void;
  /**
   * Shows this text as the last one, for this many seconds, and leaves it to the service. Resolves when it is shown, or after
   * two seconds.
   */
  leave(text: string, seconds: number): Promise<void>;
  /** Closes it for good, unless it was left. Leaves no work on the bus after a few seconds. */
  close(): void;
}

/** The least time between two texts, in milliseconds: some programs write continuously. */
const PAUSE = 500;

/** How long it may take to show the last text, in milliseconds. */
const LEAVE_TIMEOUT = 2_000;

/**
 * Prepares a notification over D-Bus (Linux, the BSDs), or one of macOS. Connects at the first `say`. Never throws; does nothing if no
 * notification can be shown.
 * @param title one line
 * @param limit milliseconds after which the service may close it by itself, in case we cannot
 */
export function announce(title: string, environment: NodeJS.ProcessEnv, limit: number): Announcement {
  if (process.platform === 'darwin') return macosAnnouncement(title, environment);
  const over = new AbortController();
  const connection = new AbortController();
  let bus: Bus | undefined;
  let shown: service.Shown | undefined;
  let wanted = '';
  let showing: Promise<void> | undefined;

  const show = async (text: string, timeout: number) => {
    bus ??= await connectBus('session', environment, connection.signal);
    const notification = { title, text, actions: [], isUrgent: false, hints: { transient: true }, limit: timeout };
    shown = await service.show(bus, notification, await service.capabilities(bus), shown);
  };
  const showWanted = async () => {
    try {
      for (let said: string | undefined; wanted !== said && !over.signal.aborted; ) {
        said = wanted;
        await show(said, limit);
        await pause(PAUSE, over.signal);
      }
    } catch {
      // No bus or no service: the command works without it.
    } finally {
      showing = undefined;
    }
  };
  const showLast = async (text: string, timeout: number) => {
    try {
      await showing;
      await show(text, timeout);
    } catch {
      // As above.
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
    async leave(text, seconds) {
      if (over.signal.aborted) return;
      over.abort();
      await withTimeout(showLast(text, seconds * 1_000), LEAVE_TIMEOUT, () => {});
      connection.abort();
    },
    close() {
      if (over.signal.aborted) return;
      over.abort();
      void closeShown();
    },
  };
}
