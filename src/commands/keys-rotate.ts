import type { GlobalOptions } from '../cli/options.ts';
import { say } from '../cli/output.ts';
import { UserError } from '../errors.ts';
import { rotate } from '../keys/rotate.ts';
import * as texts from '../keys/rotation-texts.ts';
import { plain } from '../plain.ts';
import { foreignEndpoints } from '../refresh/effects.ts';
import { readHeldSession } from '../refresh/held-session.ts';
import { alone, rotationEffects } from '../refresh/key-rotation.ts';
import { requireDevice } from '../refresh/target.ts';
import { askAboutSession } from '../refresh/verdict.ts';
import type { ProfileSettings, Settings } from '../settings/settings.ts';
import { Clock } from '../time/clock.ts';
import { refreshCommand, terminalFirst } from './refresh.ts';

export interface RotateOptions extends GlobalOptions {
  delete?: boolean;
  keep?: boolean;
}

/** Rotates the key of a source profile, or continues a rotation that was interrupted. Asks for a code. */
export async function rotateKeys(
  name: string | undefined,
  settings: Settings,
  { delete: isDeleted = false, keep = false, config, debug }: RotateOptions,
): Promise<void> {
  const { files } = settings;
  const clock = new Clock();
  const profile = signingProfile(name, settings, clock.now());
  requireDevice(settings, profile);
  for (const line of foreignEndpoints([profile])) say(line);
  const refresh = async () => {
    const given = { ...(config !== undefined && { config }), ...(debug !== undefined && { debug }) };
    try {
      await refreshCommand(profile.profile, { ...given, force: true, endpointIsNamed: true });
    } catch (error) {
      // If AWS has ended the session, an agent finds that out here, and asks for the code.
      const { session } = readHeldSession(settings, profile, clock.now());
      if (session) await askAboutSession(files, profile, session, clock);
      if (!(error instanceof UserError)) throw error;
      throw new UserError(texts.goesOnLater(error.message, profile.sourceProfile), error.code);
    }
  };
  const effects = rotationEffects(settings, profile, { clock, refresh, say });
  await alone(files, async () => {
    const { rotation } = effects.journal.read();
    // Later, the old key may be inactive already, and the session may have ended with it.
    if (!rotation || /^(creating|stored)$/.test(rotation.step)) await requireWay(settings, profile);
    await rotate(profile.sourceProfile, { delete: isDeleted, keep }, effects);
  });
}

/** @throws UserError if nothing can ask for the code that a rotation needs */
async function requireWay(settings: Settings, profile: ProfileSettings): Promise<void> {
  const ways = await terminalFirst(settings, profile).ways();
  if (ways.some(({ unfit }) => unfit === undefined)) return;
  const reason = ways.map(({ name, unfit }) => `${name}: ${unfit}`).join('; ');
  throw new UserError(texts.cannotAskLater(profile, reason));
}

/**
 * Returns the MFA profile whose session signs the requests for a source profile: one that has a session, if there are several.
 * @param name the source profile, or the MFA profile
 */
function signingProfile(name: string | undefined, settings: Settings, now: number): ProfileSettings {
  // The session of a role cannot manage the user's keys.
  const possible = settings.profiles.filter(
    ({ role, profile, sourceProfile }) => !role && (name === undefined || name === profile || name === sourceProfile),
  );
  const sources = [...new Set(possible.map(({ sourceProfile }) => sourceProfile))];
  if (sources.length > 1) {
    throw new UserError(plain(`name the source profile: ${sources.map((one) => `[${one}]`).join(', ')}`), 'usage');
  }
  const works = (one: ProfileSettings) => /fresh|due/.test(readHeldSession(settings, one, now).state);
  const found = possible.find(works) ?? possible[0];
  if (found) return found;
  const whose = name === undefined ? 'any profile' : `[${name}]`;
  throw new UserError(
    plain(`no MFA profile in ${settings.files.settings} uses the keys of ${whose}: only its session can rotate them`),
    'usage',
  );
}
