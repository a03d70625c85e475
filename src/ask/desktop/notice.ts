import { withSessionBus } from '../../bus/bus.ts';
import { macosNotice } from '../macos-notice.ts';
import * as texts from '../texts.ts';
import * as service from './notification-service.ts';

/**
 * Shows a desktop notification that needs no answer. Never rejects.
 * @param text one line
 * @returns whether it was shown
 */
export async function notice(text: string, environment: NodeJS.ProcessEnv = process.env): Promise<boolean> {
  try {
    if (process.platform === 'darwin') return await macosNotice(texts.APPLICATION, text, environment);
    return await show(text, environment);
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
