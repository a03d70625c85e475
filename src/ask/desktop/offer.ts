import { type Bus, withSessionBus } from '../../bus/bus.ts';
import { deferred } from '../../time/deferred.ts';
import { withTimeout } from '../../time/timeout.ts';
import { macosNotice } from '../macos-notice.ts';
import { openTerminal, terminalWindow } from '../terminal-window.ts';
import * as texts from '../texts.ts';
import * as service from './notification-service.ts';

/** How long an offer waits for a click, in milliseconds. */
const OFFER_LIMIT = 3_600_000;

/** A command of this program that a notification offers. */
export interface Offer {
  /** One line, which also names the command. */
  text: string;
  /** The command and its arguments. */
  words: readonly string[];
}

/**
 * Shows a notification that offers a command, whose button opens a terminal with it. Waits for a click until the notification is
 * closed, at most an hour. Where no terminal can be opened, and on macOS, it only names the command. Never rejects.
 * @param signal closes the notification when aborted
 * @returns whether it was shown
 */
export async function offer(
  { text, words }: Offer,
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    if (process.platform === 'darwin') return await macosNotice(texts.APPLICATION, text, environment);
    return await withSessionBus(environment, async (bus) => {
      const token = await clicked(bus, text, environment, signal);
      if (token !== undefined) await openTerminal(words, environment, token.value, true);
      return true;
    });
  } catch {
    return false;
  }
}

/** Returns the activation token of a click, if the service gave one; undefined without a click. */
async function clicked(
  bus: Bus,
  text: string,
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<{ value: string | undefined } | undefined> {
  const over = deferred<{ value: string | undefined } | undefined>();
  /** The events of all notifications: ours can come before its id is known. */
  const happened: service.ServiceEvent[] = [];
  let look = () => {};
  await service.follow(bus, (event) => {
    happened.push(event);
    look();
  });
  const can = await service.capabilities(bus);
  const isOpenable = can.includes('actions') && (await terminalWindow(environment).unfit()) === undefined;
  const actions = isOpenable ? ['default', '', 'enter', texts.OPEN_TERMINAL] : [];
  const hints = { resident: true };
  const notification = { title: texts.APPLICATION, text, actions, isUrgent: false, hints, limit: 0 };
  const shown = await service.show(bus, notification, can, undefined);
  if (!isOpenable) return undefined;
  look = () => {
    let token: string | undefined;
    for (const event of happened) {
      if (event.kind !== 'signal' || event.id !== shown.id) continue;
      if (event.member === 'ActivationToken') token = String(event.value);
      if (event.member === 'ActionInvoked') over.resolve({ value: token });
      // 1: expired. The user may still find it in a list of notifications.
      if (event.member === 'NotificationClosed' && event.value !== 1) over.resolve(undefined);
    }
  };
  look();
  const end = () => over.resolve(undefined);
  void bus.gone.then(end);
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  const answer = await withTimeout(over.promise, OFFER_LIMIT, () => undefined);
  await service.closeNotification(bus, shown);
  return answer;
}
