import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getCallerIdentity } from '../../src/aws/sts.ts';
import { parseCredentials } from '../../src/credentials/document.ts';
import { withSession } from '../../src/credentials/edit.ts';
import { awsTarget } from '../../src/refresh/effects.ts';
import { keepDiary, localTime } from '../day/diary.ts';
import { startWorld, type World } from '../day/world.ts';
import { needs } from '../needs.ts';

const ARTIFACTS = fileURLToPath(new URL('../artifacts', import.meta.url));
const MINUTE = 60_000;
const LEAD = 15 * MINUTE;
const SETTINGS = 'prompt_before = 15m\nquiet = 23:00-07:00\n[mfa]\nduration_seconds = 14400\n';

/** What the agent asks on these 36 hours, when, and nothing else. */
const ASKED: readonly (readonly [time: string, what: RegExp])[] = [
  ['24T08:00+02:00', /^asks: .* needs a code$/],
  ['24T11:46+02:00', /^asks: .* ends at 12:00$/],
  ['24T11:51+02:00', /^reminds: .* ends at 12:00$/],
  ['24T15:37+02:00', /^asks: .* ends at 15:5.$/],
  ['24T15:40+02:00', /^takes the question away$/],
  // The machine's clock shows an hour less, and AWS's does not.
  ['24T19:25+02:00', /^asks: .* ends at 19:40$/],
  ['24T19:25+02:00', /^asks: .* AWS refused that code/],
  // Due from 23:11 on: in quiet hours, then with the screen locked.
  ['25T08:30+01:00', /^asks: .* ended at Sat 23:2.$/],
  ['25T12:45+01:00', /^asks: .* ended at 12:30$/],
  ['25T16:31+01:00', /^asks: .* ends at 16:4.$/],
  ['25T16:38+01:00', /^asks: .* ends at 16:4.$/],
];

describe('the service during a day', needs('a user manager', 'faketime'), () => {
  let world: World;
  const diary = keepDiary();
  const now = () => world.clocks.world();
  const instant = (time: string) => Date.parse(`2026-10-${time}`);
  const note = (who: 'agent' | 'person' | 'world', what: string) => diary.note(now(), world.clocks.wall(), who, what);

  beforeAll(async () => {
    world = await startWorld(instant('24T07:55+02:00'), 'Europe/Berlin', SETTINGS);
    process.env.AWS_ENDPOINT_URL_STS = world.sandbox.sts.url;
  });
  afterAll(async () => {
    delete process.env.AWS_ENDPOINT_URL_STS;
    await world?.stop();
  });

  function profile() {
    const values = parseCredentials(readFileSync(world.sandbox.credentialsFile)).profile('mfa')?.values;
    const [accessKeyId = '', secretAccessKey = '', sessionToken = ''] = [
      ...['aws_access_key_id', 'aws_secret_access_key', 'aws_session_token'].map((key) => values?.get(key)),
    ];
    return { accessKeyId, secretAccessKey, sessionToken };
  }
  /** When the session in the profile ends at AWS. */
  const expiration = () => world.sandbox.sts.session(profile().accessKeyId)?.expiration ?? 0;

  /** When commands of the person failed, and why that could not be helped, if so. */
  const failures: { at: number; because: string | undefined }[] = [];
  let cameBack = 0;
  let snoozedUntil = 0;
  let isAsked = false;
  /** The person runs a command of AWS's. */
  async function work(): Promise<void> {
    if (!world.person.present) return;
    const isQuarter = Math.round(now() / MINUTE) % 15 === 0;
    if (expiration() > now() && (!isQuarter || (await isTaken()))) return;
    const because =
      (isAsked && 'the prompt is on the screen') ||
      (now() - cameBack < 2 * MINUTE && 'just came back') ||
      (now() - snoozedUntil < 2 * MINUTE && 'snoozed') ||
      undefined;
    note('person', `a command fails: ${because ?? 'NOBODY HAS ASKED'}`);
    failures.push({ at: now(), because });
  }
  async function isTaken(): Promise<boolean> {
    const target = awsTarget(
      'STS',
      { sourceProfile: 'mfa', serialNumber: undefined },
      { offset: world.clocks.offset() },
    );
    return (await getCallerIdentity(profile(), target)).ok;
  }

  /** Between two checks by the schedule, the machine being awake: by the time of the world. */
  const pauses: { from: number; to: number }[] = [];
  let read = 0;
  let shown = 0;
  /** Waits until what the agent has begun to show is shown. The person does what they do about it. */
  async function look(): Promise<void> {
    for (const { reason, actions = [] } of world.lapse.lines.slice(read)) {
      if (reason === 'schedule') pauses.push({ from: pauses.at(-1)?.to ?? now(), to: now() });
      shown += actions.filter((action) => action.do === 'ask' || action.do === 'remind').length;
    }
    read = world.lapse.lines.length;
    await world.person.becomes({ shown });
    for (const { id, title, problem, isAgain } of world.person.shown()) {
      note('agent', `${isAgain ? 'reminds' : 'asks'}: ${title}${problem && `; ${problem}`}`);
      isAsked = true;
      await react(id);
    }
  }

  async function react(id: number): Promise<void> {
    const { lapse, person, sandbox } = world;
    const reaction = person.reactions.shift() ?? 'answers';
    if (reaction === 'overlooks') return note('person', 'overlooks it');
    await lapse.jump({ pass: 20_000 });
    const from = lapse.lines.length;
    const checked = (why: string) => lapse.line(({ msg, reason }) => msg === 'checked' && reason === why, from);
    isAsked = false;
    switch (reaction) {
      case 'answers':
        note('person', 'types the code');
        person.types(id, sandbox.authenticator.code(now()));
        await lapse.line(({ msg }) => msg === 'session refreshed', from);
        await checked('file');
        return;
      case 'mistypes':
        note('person', 'mistypes the code');
        person.types(id, sandbox.wrongCode());
        shown += 1;
        return look();
      case 'snoozes':
        note('person', 'presses Snooze');
        snoozedUntil = now() + 8 * MINUTE;
        person.snoozes(id);
        await checked('outcome');
        return;
    }
  }

  async function until(time: string): Promise<void> {
    // A minute is where it is shown on the clock, a moment later.
    while (now() < instant(time) - 1_000) {
      await world.lapse.minute();
      await look();
      await work();
    }
  }
  async function presence(change: 'comes' | 'goes'): Promise<void> {
    note('person', change === 'comes' ? 'is back' : 'goes, and locks the screen');
    if (change === 'comes') cameBack = now();
    const from = world.lapse.lines.length;
    world.person[change]();
    // The agent does not watch the screen while the session is fresh.
    if (expiration() - LEAD <= now()) await world.lapse.line(({ reason }) => reason === 'presence', from);
    await look();
  }
  async function sleep(time: string): Promise<void> {
    note('world', 'the machine goes to sleep');
    await world.lapse.jump({ sleep: instant(time) - now() });
    pauses.push({ from: now(), to: now() });
    note('world', 'the machine wakes');
  }
  async function step(hours: number): Promise<void> {
    await world.lapse.jump({ step: hours * 60 * MINUTE });
    note('world', `the clock of the machine is set by ${hours} h`);
  }
  async function refreshElsewhere(): Promise<void> {
    const { sandbox, alice, person } = world;
    const { closed } = person.counts();
    note('world', 'another tool writes a session');
    const bytes = withSession(readFileSync(sandbox.credentialsFile), 'mfa', sandbox.sts.issue('alice', 14_400));
    alice.write('.aws/credentials', bytes.toString(), 0o600);
    await person.becomes({ closed: closed + 1 });
    isAsked = false;
    note('agent', 'takes the question away');
  }
  function keep(): void {
    mkdirSync(ARTIFACTS, { recursive: true });
    writeFileSync(join(ARTIFACTS, 'day.txt'), diary.table());
    writeFileSync(join(ARTIFACTS, 'day.log'), world.lapse.lines.map((line) => JSON.stringify(line)).join('\n'));
    process.stdout.write(diary.table());
  }

  it('the service asks once for each session, and no command of a user who is present fails', async () => {
    const { person } = world;
    try {
      await until('24T08:00+02:00');
      await presence('comes');
      person.reactions = ['overlooks', 'answers'];
      await until('24T12:30+02:00');
      await presence('goes');
      await until('24T13:15+02:00');
      await presence('comes');
      await until('24T13:40+02:00');
      await presence('goes');
      await sleep('24T14:25:10+02:00');
      await presence('comes');
      person.reactions = ['overlooks'];
      await until('24T15:40+02:00');
      await refreshElsewhere();
      await until('24T19:00+02:00');
      await step(-1);
      person.reactions = ['mistypes', 'answers'];
      await until('24T20:30+02:00');
      await step(1);
      await until('24T22:30+02:00');
      await presence('goes');
      await until('24T23:20+02:00');
      await sleep('25T01:30+02:00');
      // Here summer time ends.
      await until('25T03:30+01:00');
      await sleep('25T07:20+01:00');
      await until('25T08:30+01:00');
      await presence('comes');
      await until('25T12:00+01:00');
      await presence('goes');
      await until('25T12:45+01:00');
      await presence('comes');
      person.reactions = ['snoozes', 'answers'];
      await until('25T18:55+01:00');
    } finally {
      keep();
    }
    const asked = diary.of('agent');
    expect(asked.map(({ what }) => what)).toEqual(ASKED.map(([, what]) => expect.stringMatching(what)));
    const late = asked.map(({ at }, index) => Math.round((at - instant(ASKED[index]?.[0] ?? '')) / MINUTE));
    expect(late.map((minutes) => minutes >= 0 && minutes <= 2)).toEqual(ASKED.map(() => true));

    const sent = world.sandbox.sts.requests.filter(({ action }) => action === 'GetSessionToken');
    expect(sent.map(({ outcome }) => outcome)).toEqual([
      ...['granted', 'granted', 'AccessDenied', 'granted', 'granted', 'granted', 'granted'],
    ]);
    const granted = sent.filter(({ outcome }) => outcome === 'granted');
    expect(person.results()).toEqual(granted.map(() => expect.stringMatching(/^\[mfa\] is fresh until /)));
    expect(failures.filter(({ because }) => because === undefined).map(({ at }) => localTime(at))).toEqual([]);
    const long = pauses.filter(({ from, to }) => to - from > 2 * MINUTE + 5_000);
    expect(long.map(({ from, to }) => `no check from ${localTime(from)} to ${localTime(to)}`)).toEqual([]);
  }, 600_000);
});
