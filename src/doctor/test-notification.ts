import { notice } from '../ask/desktop/notice.ts';
import { capabilities, serviceIdentity } from '../ask/desktop/notification-service.ts';
import { untilReaction } from '../ask/desktop/reaction.ts';
import { type Bus, connectBus } from '../bus/bus.ts';
import { error, type Finding, ok, warning } from './finding.ts';

const TITLE = 'Test of aws-mfa-agent';
const TEXT = 'Click here to show that you see this. No code is needed.';
/** A click on it would open Script Editor. */
const TEXT_ON_MACOS = 'You can see the notifications of the agent. No code is needed.';
const SEEN = 'I see it';

const CHECK = 'asking.test';
const QUIET = 'check whether "do not disturb" is on; if no notification appeared, restart the notification service';

/** Returns what to tell the user before {@link testNotification}. @param patience in milliseconds */
export function announcementOfTest(patience: number): string {
  if (process.platform === 'darwin') return 'Sending a test notification: look for it.';
  return `Sending a test notification: click it within ${patience / 1000} seconds.`;
}

/**
 * Shows a notification like that of a question, and waits for a click. It neither asks for a code nor sends one.
 * @param patience how long to wait for the click, in milliseconds
 */
export async function testNotification(environment: NodeJS.ProcessEnv, patience: number): Promise<Finding> {
  // macOS reports neither that it was shown nor clicks on it. Not tried on a Mac.
  if (process.platform === 'darwin') {
    if (await notice(TEXT_ON_MACOS))
      return ok(CHECK, 'a notification was sent; macOS does not report whether it was shown');
    return error(
      CHECK,
      'no notification could be sent',
      'allow notifications of Script Editor in System Settings > Notifications',
    );
  }
  let bus: Bus | undefined;
  try {
    bus = await connectBus('session', environment);
    const [offered, { name, version }] = [await capabilities(bus), await serviceIdentity(bus)];
    const server = `${name} ${version}`;
    const how = offered.includes('inline-reply') ? 'codes can be typed into it' : 'a click opens a field for the code';
    return findingOf(await clicked(bus, offered, patience), server, how, patience);
  } catch (problem) {
    return error(
      CHECK,
      `no notification can be shown: ${(problem as Error).message}`,
      'start a notification service, such as dunst; the other methods of asking need none',
    );
  } finally {
    bus?.close();
  }
}

type Reaction = 'clicked' | 'closed' | 'no answer';

function findingOf(reaction: Reaction, server: string, how: string, patience: number): Finding {
  switch (reaction) {
    case 'clicked':
      return ok(CHECK, `${server} showed a notification, and you clicked it: ${how}`);
    case 'closed':
      return ok(CHECK, `${server} showed a notification, and you closed it: ${how}`);
    case 'no answer':
      return warning(
        CHECK,
        `${server} accepted a notification, but it was not clicked within ${patience / 1000} s`,
        QUIET,
      );
  }
}

async function clicked(bus: Bus, can: readonly string[], patience: number): Promise<Reaction> {
  const actions = can.includes('actions') ? ['default', SEEN, 'seen', SEEN] : [];
  const notification = { title: TITLE, text: TEXT, actions, isUrgent: false, hints: {}, limit: 0 };
  const reaction = await untilReaction<Reaction>(
    bus,
    notification,
    can,
    ({ member, value }) => {
      if (member === 'ActionInvoked') return 'clicked';
      // 2: closed by the user. Otherwise it timed out or the service closed it.
      return member === 'NotificationClosed' ? (value === 2 ? 'closed' : 'no answer') : undefined;
    },
    patience,
  );
  return reaction ?? 'no answer';
}
