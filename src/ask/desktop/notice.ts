import { deferred } from '../../time/deferred.ts';
import { withTimeout } from '../../time/timeout.ts';
import * as texts from '../texts.ts';
import { connectBus } from './bus.ts';
import * as service from './notification-service.ts';

const TIMEOUT = 10_000;

/**
 * Tells the person something that needs no answer, as a notification of the desktop. Throws never.
 * @param text one line
 * @returns false when nothing could be shown
 */
export async function notice(text: string, environment: NodeJS.ProcessEnv = process.env): Promise<boolean> {
  try {
    if (process.platform === 'darwin') return await showOnMac(text);
    // Its library finds, or starts, a bus that no variable names.
    return await show(text, environment).catch(() => showByNotifySend(text));
  } catch {
    return false;
  }
}

/** Stays until it is seen. */
async function show(text: string, environment: NodeJS.ProcessEnv): Promise<boolean> {
  const bus = await connectBus('session', environment);
  try {
    const can = await service.capabilities(bus);
    const title = texts.APPLICATION;
    const notification = { title, text, icon: 'dialog-warning', actions: [], isUrgent: false, hints: {}, limit: 0 };
    await service.show(bus, notification, can, undefined);
    return true;
  } finally {
    bus.close();
  }
}

/** Not tried on macOS. */
async function showOnMac(message: string): Promise<boolean> {
  const { default: NotificationCenter } = await import('node-notifier/notifiers/notificationcenter.js');
  return shown((end) => new NotificationCenter().notify({ title: texts.APPLICATION, message, timeout: false }, end));
}

async function showByNotifySend(text: string): Promise<boolean> {
  const { default: NotifySend } = await import('node-notifier/notifiers/notifysend.js');
  const notification = {
    title: texts.APPLICATION,
    message: forNotifySend(text),
    'app-name': texts.APPLICATION,
    icon: 'dialog-warning',
    timeout: 0,
  };
  return shown((end) => new NotifySend().notify(notification, end));
}

function shown(notify: (end: (error: Error | null) => void) => void): Promise<boolean> {
  const ended = deferred<boolean>();
  notify((error) => ended.resolve(!error));
  return withTimeout(ended.promise, TIMEOUT, () => false);
}

/** notify-send takes `\n` for a line end, and hands the rest on as it is: to most services it is markup. */
function forNotifySend(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
