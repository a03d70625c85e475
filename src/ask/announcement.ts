import * as messages from '../messages.ts';
import { type Bus, connectBus } from './bus.ts';
import { CLOSE_TIMEOUT, capabilities, escapeMarkup, SERVICE, START_TIMEOUT } from './notification.ts';

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
  let id = 0;
  let wanted = '';
  let showing: Promise<void> | undefined;

  const showWanted = async () => {
    try {
      bus ??= await connectBus('session', environment, connection.signal);
      for (let shown: string | undefined; wanted !== shown && !over.signal.aborted; ) {
        shown = wanted;
        id = await show(bus, id, title, shown, limit);
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
    await Promise.race([showing, pause(CLOSE_TIMEOUT, connection.signal)]);
    if (id !== 0) await bus?.call(SERVICE, 'CloseNotification', 'u', [id], CLOSE_TIMEOUT).catch(() => {});
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

/** @returns the number of the notification */
async function show(bus: Bus, id: number, title: string, text: string, limit: number): Promise<number> {
  const { Variant } = await import('@jellybrick/dbus-next');
  const markup = (await capabilities(bus)).includes('body-markup');
  const body = markup ? escapeMarkup(text) : text;
  const hints = { urgency: new Variant('y', 1), transient: new Variant('b', true) };
  const words = [messages.APPLICATION, id, 'dialog-password', title, body, [], hints, limit];
  const reply = await bus.call(SERVICE, 'Notify', 'susssasa{sv}i', words, START_TIMEOUT);
  return Number(reply.body[0]);
}

/** Ends early when aborted. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
}
