import { EventEmitter, once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Presence, watchPresence } from '../../src/agent/presence.ts';
import { needs } from '../needs.ts';
import { until, within } from '../within.ts';
import { standIns } from './script.ts';

const LOCKED = 'screen locked';
const OTHER = 'another session is on the screen';

interface User {
  uid: number;
  isLocked?: boolean;
  isOnScreen?: boolean;
}

/** As much as `ioreg -n Root -d1 -a` prints on a Mac: what is needed comes first, and 150 kB of something else follow. */
function registry(users: User[]): string {
  const sessions = users.map(
    ({ uid, isLocked, isOnScreen = true }) => `<dict>
${isLocked ? '<key>CGSSessionScreenIsLocked</key>\n<true/>' : ''}
<key>kCGSSessionAuditIDKey</key>
<integer>100${uid}</integer>
<key>kCGSSessionOnConsoleKey</key>
<${isOnScreen}/>
<key>kCGSSessionUserIDKey</key>
<integer>${uid}</integer>
<key>kCGSessionLoginDoneKey</key>
<true/>
</dict>`,
  );
  return `<plist version="1.0"><dict>
<key>IOConsoleLocked</key>
<false/>
<key>IOConsoleUsers</key>
<array>
${sessions.join('\n')}
</array>
<key>IOKitDiagnostics</key>
<dict>${'<key>Class</key>\n<integer>1</integer>\n'.repeat(4000)}</dict>
</dict></plist>`;
}

describe('presence on macOS', needs('Linux'), () => {
  let mac: ReturnType<typeof standIns>;
  const uid = process.getuid?.() ?? 0;
  const open: Presence[] = [];
  beforeEach(() => {
    mac = standIns();
  });
  afterEach(() => {
    for (const one of open.splice(0)) one.close();
    mac.remove();
  });

  const show = (...users: User[]) => mac.install('ioreg', `cat <<'END'\n${registry(users)}\nEND`);

  async function watched() {
    const happened = new EventEmitter();
    const told: string[] = [];
    const onChange = (what: string) => {
      told.push(what);
      happened.emit('told');
    };
    const presence = await watchPresence(mac.environment, onChange, 'darwin');
    open.push(presence);
    const next = () => within('a change', once(happened, 'told'), () => told);
    return { presence, told, next };
  }

  it.each<[string, User[], string | undefined]>([
    ['is here', [{ uid }], undefined],
    ['has locked the screen', [{ uid, isLocked: true }], LOCKED],
    ['has left the screen to another user', [{ uid, isOnScreen: false }, { uid: 777 }], OTHER],
    [
      'is here while the session of another user is locked',
      [{ uid: 777, isLocked: true, isOnScreen: false }, { uid }],
      undefined,
    ],
    ['is not logged in', [{ uid: 777, isLocked: true }], undefined],
  ])('the user %s, as 150 kB of ioreg say', async (_which, users, held) => {
    show(...users);
    expect((await watched()).presence.held()).toBe(held);
  });

  it.each([
    ['is not there', 'exit 127'],
    ['fails', 'echo "ioreg: error" >&2; exit 1'],
    ['prints something else', 'echo nothing'],
    ['hangs', 'exec sleep 60'],
  ])('no prompt is postponed where ioreg %s', async (_which, script) => {
    mac.install('ioreg', script);
    expect((await watched()).presence.held()).toBeUndefined();
  });

  it('events are followed at once: lock, unlock, another user, waking', async () => {
    show({ uid });
    const { presence, told, next } = await watched();
    const script = await mac.script();
    for (const [event, held, what] of [
      ['com.apple.screenIsLocked', LOCKED, 'held'],
      ['com.apple.screenIsUnlocked', undefined, 'returned'],
      ['NSWorkspaceSessionDidResignActiveNotification', OTHER, 'held'],
      ['NSWorkspaceSessionDidBecomeActiveNotification', undefined, 'returned'],
      ['NSWorkspaceDidWakeNotification', undefined, 'returned'],
    ] as const) {
      const change = next();
      await script.post(event);
      await change;
      expect([event, presence.held(), told.at(-1)]).toEqual([event, held, what]);
    }
  });

  it('an event is newer than the answer of an ioreg that was asked before it', async () => {
    show({ uid });
    const { presence, next } = await watched();
    const script = await mac.script();
    mac.install(
      'ioreg',
      `while [ ! -e ${mac.folder}/go ]; do sleep 0.05; done\ncat <<'END'\n${registry([{ uid }])}\nEND`,
    );
    await script.post('NSWorkspaceDidWakeNotification');
    const locked = next();
    await script.post('com.apple.screenIsLocked');
    await locked;
    const woke = next();
    mac.install('go', '');
    await woke;
    expect(presence.held()).toBe(LOCKED);
  });

  it('the script ends with the presence, and starts again if it has ended by itself', async () => {
    show({ uid });
    const { presence } = await watched();
    const first = await mac.script();
    first.close();
    await within('its end', first.ended);
    const held = setInterval(() => presence.held(), 50);
    const second = await mac.script([first]);
    clearInterval(held);
    presence.close();
    await within('its end', second.ended);
  });

  it('without the script, ioreg is looked at again at each request', async () => {
    mac.install('osascript', 'exit 1');
    show({ uid, isLocked: true });
    const { presence, told } = await watched();
    expect(presence.held()).toBe(LOCKED);
    show({ uid });
    await until('a change', () => {
      presence.held();
      return told.length > 0;
    });
    expect([told[0], presence.held()]).toEqual(['returned', undefined]);
  });
});
