import { type Bus, connectBus } from '../ask/desktop/bus.ts';
import { notice } from '../ask/desktop/notice.ts';
import {
  capabilities,
  follow,
  type ServiceEvent,
  serviceName,
  show,
  takeAway,
} from '../ask/desktop/notification-service.ts';
import { error, type Finding, ok, warning } from './finding.ts';

const TITLE = 'A test of aws-mfa-agent';
const TEXT = 'Click here, so that doctor knows that you see this. No code is needed.';
const SEEN = 'I see it';

const CHECK = 'asking.test';
const QUIET = 'look whether "do not disturb" is on; if there was none at all, restart the notification service';

/**
 * Shows a notification the way a question is shown, and waits for a click. It asks for no code, and none is sent.
 * @param patience how long to wait for the click, in milliseconds
 */
export async function testNotification(
  environment: NodeJS.ProcessEnv,
  patience: number,
  platform: NodeJS.Platform = process.platform,
): Promise<Finding> {
  // Which tells of no click. Not tried on macOS.
  if (platform === 'darwin') {
    if (await notice(TEXT)) return ok(CHECK, 'a notification was sent; whether you see it, only you know');
    return error(
      CHECK,
      'no notification could be sent',
      'allow them in System Settings, Notifications, terminal-notifier',
    );
  }
  let bus: Bus | undefined;
  try {
    bus = await connectBus('session', environment);
    const [offered, server] = [await capabilities(bus), await serviceName(bus)];
    const how = offered.includes('inline-reply') ? 'a code is typed inside it' : 'a click opens a field for the code';
    return findingOf(await clicked(bus, offered, patience), server, how, patience);
  } catch (problem) {
    return error(
      CHECK,
      `no notification can be shown: ${(problem as Error).message}`,
      'start a notification service, such as dunst; the other ways of asking need none',
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
      return ok(CHECK, `${server} showed a notification, and you put it away: ${how}`);
    case 'no answer':
      return warning(CHECK, `${server} took a notification, and nobody clicked it within ${patience / 1000} s`, QUIET);
  }
}

async function clicked(bus: Bus, can: readonly string[], patience: number): Promise<Reaction> {
  /** What happened to notifications; ours may be among them before we know its number. */
  const happened: ServiceEvent[] = [];
  let look = () => {};
  await follow(bus, (event) => {
    happened.push(event);
    look();
  });
  const actions = can.includes('actions') ? ['default', SEEN, 'seen', SEEN] : [];
  const shown = await show(
    bus,
    { title: TITLE, text: TEXT, actions, isUrgent: false, hints: {}, limit: 0 },
    can,
    undefined,
  );
  let timer: NodeJS.Timeout | undefined;
  const reaction = await new Promise<Reaction>((resolve) => {
    look = () => {
      for (const event of happened) {
        if (event.kind !== 'signal' || event.id !== shown.id) continue;
        if (event.member === 'ActionInvoked') resolve('clicked');
        // 2: by the person. Others are put away by time, or by the service itself.
        if (event.member === 'NotificationClosed') resolve(event.value === 2 ? 'closed' : 'no answer');
      }
    };
    look();
    timer = setTimeout(resolve, patience, 'no answer');
    void bus.gone.then(() => resolve('no answer'));
  });
  clearTimeout(timer);
  await takeAway(bus, shown);
  return reaction;
}
