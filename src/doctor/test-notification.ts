import { BUS, type Bus, connectBus } from '../ask/bus.ts';
import { notice } from '../ask/notice.ts';
import { CLOSE_TIMEOUT, capabilities, escapeMarkup, SERVICE, START_TIMEOUT } from '../ask/notification.ts';
import * as messages from '../messages.ts';
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
    const [offered, server] = [await capabilities(bus), await serverName(bus)];
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

async function serverName(bus: Bus): Promise<string> {
  const { body } = await bus.call(SERVICE, 'GetServerInformation');
  return `${body[0]} ${body[2]}`;
}

async function clicked(bus: Bus, offered: string[], patience: number): Promise<Reaction> {
  const { Variant } = await import('@jellybrick/dbus-next');
  /** What happened to notifications; ours may be among them before we know its number. */
  const happened: { id: unknown; member: string; value: unknown }[] = [];
  let look = () => {};
  bus.onSignal(({ interface: interfaceName, member, body: [id, value] }) => {
    if (interfaceName === SERVICE.interface) happened.push({ id, member, value });
    look();
  });
  await bus.call(BUS, 'AddMatch', 's', [`type='signal',sender='${SERVICE.name}',interface='${SERVICE.interface}'`]);
  const body = offered.includes('body-markup') ? escapeMarkup(TEXT) : TEXT;
  const actions = offered.includes('actions') ? ['default', SEEN, 'seen', SEEN] : [];
  const hints = { urgency: new Variant('y', 1) };
  const words = [messages.APPLICATION, 0, 'dialog-password', TITLE, body, actions, hints, 0];
  const shown = await bus.call(SERVICE, 'Notify', 'susssasa{sv}i', words, START_TIMEOUT);
  const id = shown.body[0];
  let timer: NodeJS.Timeout | undefined;
  const answer = await new Promise<Reaction>((resolve) => {
    look = () => {
      for (const { member, value } of happened.filter((one) => one.id === id)) {
        if (member === 'ActionInvoked') resolve('clicked');
        // 2: by the person. Others are put away by time, or by the service itself.
        if (member === 'NotificationClosed') resolve(value === 2 ? 'closed' : 'no answer');
      }
    };
    look();
    timer = setTimeout(resolve, patience, 'no answer');
    void bus.gone.then(() => resolve('no answer'));
  });
  clearTimeout(timer);
  await bus.call(SERVICE, 'CloseNotification', 'u', [id], CLOSE_TIMEOUT).catch(() => {});
  return answer;
}
