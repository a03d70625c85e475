import * as messages from '../messages.ts';
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
    return process.platform === 'darwin' ? await showOnMac(text) : await show(text, environment);
  } catch {
    return false;
  }
}

/** Stays until it is seen. */
async function show(text: string, environment: NodeJS.ProcessEnv): Promise<boolean> {
  const bus = await connectBus('session', environment);
  try {
    const can = await service.capabilities(bus);
    const title = messages.APPLICATION;
    const notification = { title, text, icon: 'dialog-warning', actions: [], isUrgent: false, hints: {}, limit: 0 };
    await service.show(bus, notification, can, undefined);
    return true;
  } finally {
    bus.close();
  }
}

/** Not tried on macOS. */
async function showOnMac(message: string): Promise<boolean> {
  const { default: Notifier } = await import('node-notifier/notifiers/notificationcenter.js');
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, TIMEOUT, false);
    new Notifier().notify({ title: messages.APPLICATION, message, timeout: false }, (error) => {
      clearTimeout(timer);
      resolve(!error);
    });
  });
}
