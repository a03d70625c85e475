import { pause } from '../../time/pause.ts';
import { withTimeout } from '../../time/timeout.ts';
import { type Bus, connectBus } from './bus.ts';
import * as service from './notification-service.ts';

/** One notification without buttons, for as long as something lasts. */
export interface Announcement {
  /** Shows it, or another text in its place. */
  say(text: string): void;
  /** Takes it away, once and for all; what that needs is over within a few seconds, whatever the bus does. */
  close(): void;
}

/** The text changes no more often than this: some programs write without a pause. */
const PAUSE = 500;

/**
 * A notification over D-Bus (Linux, the BSDs) that says what is going on. Where it cannot be shown, nothing happens:
 * nobody waits for it, and nothing is thrown. There is no connection before something is said.
 * @param title one line
 * @param limit milliseconds after which the service may take it away by itself, should we not live to do it
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
      // No bus, or no service: the command is waited for all the same.
    } finally {
      showing = undefined;
    }
  };
  const takeAway = async () => {
    // It may be on its way to the screen.
    if (showing) await withTimeout(showing, service.CLOSE_TIMEOUT, () => {});
    if (bus && shown) await service.takeAway(bus, shown);
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
      void takeAway();
    },
  };
}
