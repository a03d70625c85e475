import { deferred } from '../../time/deferred.ts';
import { withTimeout } from '../../time/timeout.ts';
import * as texts from '../texts.ts';
import { withSessionBus } from './bus.ts';
import * as service from './notification-service.ts';

/** How long terminal-notifier may take, in milliseconds. */
const TIMEOUT = 10_000;

/**
 * Shows a desktop notification that needs no answer. Never rejects.
 * @param text one line
 * @returns whether it was shown
 */
export async function notice(text: string, environment: NodeJS.ProcessEnv = process.env): Promise<boolean> {
  try {
    return await (process.platform === 'darwin' ? showOnMac(text) : show(text, environment));
  } catch {
    return false;
  }
}

/** Shows it without a time limit. */
function show(text: string, environment: NodeJS.ProcessEnv): Promise<boolean> {
  return withSessionBus(environment, async (bus) => {
    const title = texts.APPLICATION;
    const notification = { title, text, icon: 'dialog-warning', actions: [], isUrgent: false, hints: {}, limit: 0 };
    await service.show(bus, notification, await service.capabilities(bus), undefined);
    return true;
  });
}

/** Not tried on macOS. */
async function showOnMac(message: string): Promise<boolean> {
  const { default: NotificationCenter } = await import('node-notifier/notifiers/notificationcenter.js');
  const ended = deferred<boolean>();
  const notification = { title: texts.APPLICATION, message, timeout: false as const };
  new NotificationCenter().notify(notification, (error) => ended.resolve(!error));
  return withTimeout(ended.promise, TIMEOUT, () => false);
}
