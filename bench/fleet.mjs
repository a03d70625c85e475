// How many requests a second a thousand agents send to AWS, with and without jitter: npm run bench:fleet [-- SCENARIO]
// The agents and their plans are real; the clock is simulated, and the sessions come from the sandbox STS on that clock.
import pino from 'pino';
import { Agent } from '../build/agent/agent.js';
import { newSandboxUser } from '../build/sandbox/account.js';
import { startSandboxSts } from '../build/sandbox/sts.js';
import { Clock } from '../build/time/clock.js';

const AGENTS = 1_000;
const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000];
const NINE = Date.parse('2026-11-30T09:00:00Z');
/** AWS's limit for an account in a region, for all requests that are signed with keys of the account. */
const QUOTA = 600;

let now = 0;
/** How long all machines have slept. */
let asleep = 0;
const queue = new Map();
let timers = 0;

/** A clock whose timers fire in simulated time. */
class SimulatedClock extends Clock {
  constructor() {
    super({ wall: () => now, sinceBoot: () => now, awake: () => now - asleep });
  }
  after(delay, call) {
    timers += 1;
    const timer = timers;
    queue.set(timer, { at: now + Math.max(0, delay), call });
    // Node.js makes a number of it when it clears the timer.
    return { [Symbol.toPrimitive]: () => timer, timer };
  }
}
const realClearTimeout = globalThis.clearTimeout;
globalThis.clearTimeout = (one) => (one?.timer === undefined ? realClearTimeout(one) : queue.delete(one.timer));

/** Random numbers that are the same in each run. */
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
const people = randomNumbers(7);

const user = newSandboxUser('123456789012', 'alice');
const sts = await startSandboxSts({ accountId: '123456789012', users: [user], now: () => now });
const profile = (name, more) => ({
  profile: name,
  sourceProfile: 'default',
  serialNumber: user.mfa[0].serialNumber,
  ...more,
});
const settings = {
  files: {},
  check: '* * * * *',
  promptBefore: 25 * MINUTE,
  remindEvery: 5 * MINUTE,
  prompt: 'auto',
  profiles: [
    profile('mfa', { durationSeconds: 43_200 }),
    profile('admin', {
      sourceProfile: 'mfa',
      serialNumber: undefined,
      durationSeconds: 3600,
      role: { arn: 'arn:aws:iam::123456789012:role/admin', isChained: true, keysProfile: 'default' },
    }),
  ],
};

/** Starts an agent. `held` is the session of each profile, `types` how long the user takes for a code. */
function startAgent(held, types, requests) {
  const stored = new Map(Object.entries(held));
  const ask = (action) => requests.push({ action, at: now });
  const given = (name, seconds) => {
    const session = { ...sts.issue('alice', seconds), issued: now };
    stored.set(name, { kind: 'session', ...session });
    return { kind: 'refreshed', session };
  };
  const effects = {
    clock: new SimulatedClock(),
    readSessions: async () => stored,
    refresh: () =>
      new Promise((resolve) => {
        effects.clock.after(types(), () => {
          ask('GetSessionToken');
          resolve(given('mfa', 43_200));
        });
      }),
    assume: async (profiles) => {
      // The name of the role's session is that of its user.
      ask('GetCallerIdentity');
      for (const _ of profiles) ask('AssumeRole');
      return Object.fromEntries(profiles.map((name) => [name, given(name, 3600)]));
    },
    isAlive: async () => {
      ask('GetCallerIdentity');
      return true;
    },
    save: async () => undefined,
    snoozedUntil: () => undefined,
    rememberSnooze: async () => {},
    isForgotten: () => false,
    rememberForgotten: async () => {},
    rememberExpiry: async () => {},
    watchPresence: async () => ({
      held: () => undefined,
      paused: () => undefined,
      notifies: () => true,
      close: () => {},
    }),
    desktopMark: () => '',
    takeDesktop: async () => {},
    obstacle: () => undefined,
    notice: () => {},
    log: pino({ level: 'silent' }),
  };
  return new Agent(settings, effects);
}

/** Lets the agents run until then: each minute they check, and between they do what they have planned. */
async function runUntil(end, agents) {
  for (let minute = Math.ceil(now / MINUTE) * MINUTE; now < end; minute += MINUTE) {
    const stop = Math.min(minute, end);
    for (let next = nextTimer(stop); next; next = nextTimer(stop)) {
      now = Math.max(now, next.at);
      next.call();
      await settled();
    }
    now = stop;
    await Promise.all(agents.map((agent) => agent.check('schedule')));
    await settled();
  }
}

function nextTimer(end) {
  let first;
  for (const [timer, { at }] of queue) if (at <= end && (!first || at < first.at)) first = { timer, at };
  if (!first) return undefined;
  const { call } = queue.get(first.timer);
  queue.delete(first.timer);
  return { at: first.at, call };
}

function settled() {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Lids are opened at 9:00:00 on all machines. The sessions of [mfa] are good for the day, those of the roles have ended. */
async function wakeTogether(requests) {
  now = NINE - 13 * HOUR;
  const held = () => ({
    mfa: { kind: 'session', ...sts.issue('alice', 36 * 3600), issued: now },
    admin: { kind: 'session', ...sts.issue('alice', 3600), issued: now },
  });
  const agents = Array.from({ length: AGENTS }, () => startAgent(held(), () => 0, requests));
  await Promise.all(agents.map((agent) => agent.check('start')));
  await settled();
  requests.length = 0;
  asleep += NINE - now;
  now = NINE;
  await runUntil(NINE + 2 * HOUR, agents);
  return agents;
}

/** All sessions have ended overnight. People begin to work between 8:45 and 9:15, and type a code then. */
async function typeCodes(requests) {
  now = NINE - 15 * MINUTE;
  const held = () => ({
    mfa: { kind: 'session', ...sts.issue('alice', -HOUR / SECOND) },
    admin: { kind: 'session', ...sts.issue('alice', -HOUR / SECOND) },
  });
  const agents = Array.from({ length: AGENTS }, () => startAgent(held(), () => people() * 30 * MINUTE, requests));
  await Promise.all(agents.map((agent) => agent.check('start')));
  await runUntil(NINE + 4.5 * HOUR, agents);
  return agents;
}

function peak(requests) {
  const perSecond = new Map();
  for (const { at } of requests)
    perSecond.set(Math.floor(at / SECOND), (perSecond.get(Math.floor(at / SECOND)) ?? 0) + 1);
  const [second = 0, most = 0] = [...perSecond].sort(([, one], [, other]) => other - one)[0] ?? [];
  return { most, at: new Date(second * SECOND).toISOString().slice(11, 19) };
}

process.stdout.write(`${AGENTS} agents, each with [mfa] and one role; AWS's limit: ${QUOTA} requests a second\n`);
const random = Math.random;
const scenarios = Object.entries({ wakeTogether, typeCodes });
for (const [name, scenario] of scenarios.filter(([one]) => (process.argv[2] ?? one) === one)) {
  for (const jitter of ['with', 'without']) {
    Math.random = jitter === 'with' ? randomNumbers(1) : () => 0;
    const requests = [];
    const agents = await scenario(requests);
    Math.random = random;
    queue.clear();
    await Promise.all(agents.map((agent) => agent.stop()));
    const { most, at } = peak(requests);
    process.stdout.write(
      `${name} ${jitter} jitter: ${requests.length} requests, at most ${most} in one second (${at})\n`,
    );
    for (const action of new Set(requests.map((one) => one.action))) {
      const own = peak(requests.filter((one) => one.action === action));
      process.stdout.write(`    ${action}: at most ${own.most} (${own.at})\n`);
    }
  }
}
await sts.close();
