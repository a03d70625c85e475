import * as messages from '../messages.ts';

const TIMEOUT = 10_000;

/**
 * Tells the person something that needs no answer, as a notification of the desktop. Throws never.
 * @param text one line
 * @returns false when nothing could be shown
 */
export async function notice(text: string): Promise<boolean> {
  try {
    return await show(text);
  } catch {
    return false;
  }
}

async function show(text: string): Promise<boolean> {
  // Only the one for this system: the package as a whole loads those of four systems.
  const { default: Notifier } =
    process.platform === 'darwin'
      ? await import('node-notifier/notifiers/notificationcenter.js')
      : await import('node-notifier/notifiers/notifysend.js');
  const notification = {
    title: messages.APPLICATION,
    message: process.platform === 'darwin' ? text : forNotifySend(text),
    'app-name': messages.APPLICATION,
    icon: 'dialog-warning',
    // Stays until it is seen: 0 to notify-send, no limit to terminal-notifier.
    timeout: process.platform === 'darwin' ? (false as const) : 0,
  };
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, TIMEOUT, false);
    new Notifier().notify(notification, (error) => {
      clearTimeout(timer);
      resolve(!error);
    });
  });
}

/** notify-send takes `\n` for a line end, and hands the rest on as it is: to most services it is markup. */
function forNotifySend(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
