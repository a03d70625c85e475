import { type Bus, withSessionBus } from '../../bus/bus.ts';
import { macosNotice } from '../macos-notice.ts';
import { openTerminal, terminalWindow } from '../terminal-window.ts';
import * as texts from '../texts.ts';
import * as service from './notification-service.ts';
import { untilReaction } from './reaction.ts';

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
      const token = await clicked(bus, { text, words }, environment, signal);
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
  { text, words }: Offer,
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<{ value: string | undefined } | undefined> {
  const can = await service.capabilities(bus);
  const isOpenable = can.includes('actions') && (await terminalWindow(words, environment).unfit()) === undefined;
  const actions = isOpenable ? ['default', '', 'enter', texts.OPEN_TERMINAL] : [];
  const hints = { resident: true };
  const notification = { title: texts.APPLICATION, text, actions, isUrgent: false, hints, limit: 0 };
  if (!isOpenable) {
    await service.show(bus, notification, can, undefined);
    return undefined;
  }
  let token: string | undefined;
  const answer = await untilReaction(
    bus,
    notification,
    can,
    ({ member, value }) => {
      if (member === 'ActivationToken') token = String(value);
      if (member === 'ActionInvoked') return 'clicked';
      // 1: expired. The user may still find it in a list of notifications.
      return member === 'NotificationClosed' && value !== 1 ? 'closed' : undefined;
    },
    OFFER_LIMIT,
    signal,
  );
  return answer === 'clicked' ? { value: token } : undefined;
}
