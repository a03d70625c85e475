import { homedir } from 'node:os';
import { text } from 'node:stream/consumers';
import { type Ask, codeIn } from '../ask/ask.ts';
import { createAsk } from '../ask/choose.ts';
import type { GlobalOptions } from '../cli.ts';
import { Clock } from '../clock.ts';
import { durationProblem, loadSettings, type ProfileSettings, type Settings, serialProblem } from '../config.ts';
import { UserError } from '../errors.ts';
import * as messages from '../messages.ts';
import { type RefreshOutcome, refresh, rememberCodes } from '../refresh.ts';
import { stateAt } from '../session.ts';
import { readSessions, refreshEffects } from './effects.ts';
import { noSerial } from './run.ts';

interface RefreshOptions extends GlobalOptions {
  tokenCode?: string;
  serialNumber?: string;
  sourceProfile?: string;
  durationSeconds?: string;
  force?: boolean;
}

/** One refresh now. Says "still fresh" and does nothing when the session is not due, unless `--force`. */
export async function refreshCommand(name: string | undefined, options: RefreshOptions): Promise<void> {
  const settings = await loadSettings({ env: process.env, home: homedir(), configFile: options.config });
  const profile = withOptions(choose(name, settings), options);
  const { serialNumber, sourceProfile, durationSeconds } = profile;
  if (serialNumber === undefined) throw new UserError(noSerial(profile.profile, settings), 2);

  const clock = new Clock();
  const session = (await readSessions(settings.files, [profile.profile])).get(profile.profile);
  const state = session ? stateAt(session, clock.now(), settings.promptBefore) : 'missing';
  if (state === 'long-term')
    throw new UserError(messages.holdsLongTerm(profile.profile, settings.files.credentials), 2);
  const expiration = session?.kind === 'session' ? session.expiration : undefined;
  if (state === 'fresh' && expiration !== undefined && !options.force) {
    process.stderr.write(`${messages.stillFresh(profile.profile, expiration, clock.now())}\n`);
    return;
  }

  const ask =
    options.tokenCode === undefined ? terminalFirst(settings, profile) : once(await givenCode(options.tokenCode));
  const outcome = await refresh(
    { profile: profile.profile, sourceProfile, serialNumber, durationSeconds, expiration },
    { reminder: 0, signal: new AbortController().signal, onChange: () => {} },
    refreshEffects(settings, profile, { ask, clock, codes: rememberCodes() }),
  );
  report(profile, outcome, clock.now());
}

function choose(name: string | undefined, { profiles, files }: Settings): ProfileSettings {
  const known = profiles.map(({ profile }) => `[${profile}]`).join(', ');
  const [only, ...others] = name === undefined ? profiles : profiles.filter(({ profile }) => profile === name);
  if (!only) throw new UserError(`no MFA profile [${name}]: ${files.settings} knows ${known}`, 2);
  if (others.length > 0) throw new UserError(`name the MFA profile to refresh: ${known}`, 2);
  return only;
}

function withOptions(profile: ProfileSettings, options: RefreshOptions): ProfileSettings {
  const changed = { ...profile };
  if (options.serialNumber !== undefined) {
    const problem = serialProblem(options.serialNumber);
    if (problem) throw new UserError(`--serial-number ${options.serialNumber}: ${problem}`, 2);
    changed.serialNumber = options.serialNumber;
  }
  if (options.durationSeconds !== undefined) {
    const problem = durationProblem(options.durationSeconds);
    if (problem) throw new UserError(`--duration-seconds ${options.durationSeconds}: ${problem}`, 2);
    changed.durationSeconds = Number(options.durationSeconds);
  }
  if (options.sourceProfile !== undefined) {
    if (options.sourceProfile === profile.profile) {
      throw new UserError(
        `--source-profile ${options.sourceProfile}: [${profile.profile}] cannot be its own source`,
        2,
      );
    }
    changed.sourceProfile = options.sourceProfile;
  }
  return changed;
}

/** The code of `--token-code`; never shown, not even when it is malformed. */
async function givenCode(option: string): Promise<string> {
  const code = codeIn(option === '-' ? await text(process.stdin) : option);
  if (code === undefined) throw new UserError('--token-code: not six digits', 2);
  return code;
}

/** A given code is good for one question. */
function once(code: string): Ask {
  let left: string | undefined = code;
  return async () => {
    const answer = left;
    left = undefined;
    return answer === undefined ? { kind: 'unavailable', reason: 'the code was used' } : { kind: 'code', code: answer };
  };
}

/** A person who types `refresh` looks at the terminal, not at the desktop. */
function terminalFirst(settings: Settings, profile: ProfileSettings): Ask {
  const prompt = process.stdin.isTTY && settings.prompt === 'auto' ? ['mfa_process', 'terminal'] : settings.prompt;
  return createAsk({ ...settings, prompt }, profile).ask;
}

function report({ profile, durationSeconds }: ProfileSettings, outcome: RefreshOutcome, now: number): void {
  switch (outcome.kind) {
    case 'refreshed':
      process.stderr.write(`${messages.refreshed(profile, outcome.session.expiration, now, durationSeconds)}\n`);
      return;
    case 'unsaved':
      throw new UserError(messages.unsaved(profile, outcome.reason));
    case 'snoozed':
    case 'dismissed':
    case 'withdrawn':
      throw new UserError(messages.notAnswered(profile));
    case 'unaskable':
      throw new UserError(messages.cannotAsk(profile, outcome.reason));
    case 'no-keys':
      throw new UserError(messages.noKeys(profile, outcome.reason));
    case 'refused':
      throw new UserError(outcome.message);
  }
}
