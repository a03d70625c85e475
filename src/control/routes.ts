import type { Agent } from '../agent/agent.ts';
import { UserError } from '../errors.ts';
import { followLinks } from '../files/follow-links.ts';
import { SNOOZE_FORM, snoozeLength } from '../policy/snooze.ts';
import { requireDevice } from '../refresh/target.ts';
import { askedFor, type Settings } from '../settings/settings.ts';
import { parseDuration } from '../time/duration.ts';
import { FORGET_TIME, LONGEST_WAIT, USUAL_WAIT } from './client.ts';
import type { Revisions } from './revisions.ts';
import type { Query, Routes } from './server.ts';

/** Returns the calls that the agent answers on its socket: docs/socket.md. @param settings returns the current settings */
export function agentRoutes(
  agent: Agent,
  settings: () => Settings,
  { revisions, version }: { revisions: Revisions; version: string },
): Required<Routes> {
  return {
    'GET /v1/agent': async (query, client) => {
      const { after, wait } = followingIn(query);
      if (after !== undefined) {
        client.mayWait(wait + ANSWER_TIME);
        await revisions.other(after, wait, client.gone);
      }
      const profiles = agent.status();
      // Otherwise a change during a check would get its number only when the check has ended.
      revisions.tell(JSON.stringify(profiles));
      return { pid: process.pid, version, revision: revisions.current(), profiles };
    },
    'POST /v1/check': async () => {
      await agent.check('request');
      return { profiles: agent.status() };
    },
    'POST /v1/snooze': async (query) => {
      const { profile, duration } = snoozeIn(query, settings());
      return agent.snooze(duration, profile);
    },
    'POST /v1/forget': async (query, client) => {
      requireSameFile(query.get('credentials'), settings());
      const { profile } = knownProfile(query.get('profile') ?? '', settings());
      client.mayWait(FORGET_TIME);
      return agent.forget(profile);
    },
    'POST /v1/refresh': async (query, client) => {
      const { profile, wait, person } = refreshIn(query, settings());
      client.mayWait(wait + ANSWER_TIME);
      const status = await agent.refresh(profile, { wait, person, gone: client.gone });
      if (!status) throw new UserError(`the agent could not check [${profile}] yet; see its log`);
      return status;
    },
  };
}

function snoozeIn(query: Query<'POST /v1/snooze'>, settings: Settings) {
  const profile = query.get('profile') ?? undefined;
  if (profile !== undefined) knownProfile(profile, settings);
  const duration = snoozeLength(query.get('duration') ?? '');
  if (duration === undefined) throw new UserError(SNOOZE_FORM, 'usage');
  return { profile, duration: duration || undefined };
}

function followingIn(query: Query<'GET /v1/agent'>) {
  const after = query.get('after');
  if (after !== null && !/^\d{1,15}$/.test(after))
    throw new UserError('after: the revision of an earlier answer', 'usage');
  return { after: after === null ? undefined : Number(after), wait: waitIn(query.get('wait'), 'wait') };
}

/** How long a check and its answer may take, in milliseconds. */
const ANSWER_TIME = 5_000;

function knownProfile(profile: string, { profiles }: Settings) {
  const known = profiles.find((one) => one.profile === profile);
  if (!known) throw new UserError(`no profile [${profile}] in the settings`, 'usage');
  return known;
}

/** @throws UserError (`other-file`) if the client has another credentials file than the agent */
function requireSameFile(theirs: string | null, { files }: Settings): void {
  if (theirs === null || followLinks(theirs).target === followLinks(files.credentials).target) return;
  throw new UserError(
    `the agent uses another credentials file, ${files.credentials} (AWS_SHARED_CREDENTIALS_FILE)`,
    'other-file',
  );
}

function refreshIn(query: Query<'POST /v1/refresh'>, settings: Settings) {
  requireSameFile(query.get('credentials'), settings);
  const profile = query.get('profile') ?? '';
  const known = knownProfile(profile, settings);
  requireDevice(settings, askedFor(known, settings));
  const wait = waitIn(query.get('timeout'), 'timeout');
  const person = query.get('person') ?? 'no';
  if (person !== 'yes' && person !== 'no') throw new UserError('person: yes or no', 'usage');
  return { profile, wait, person: person === 'yes' };
}

function waitIn(text: string | null, name: string): number {
  const wait = text === null ? USUAL_WAIT : parseDuration(text);
  if (wait === undefined || wait > LONGEST_WAIT) throw new UserError(`${name}: 0s to 1h, such as 50s`, 'usage');
  return wait;
}
