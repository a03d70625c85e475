import { parseCredentials } from '../credentials/document.ts';
import { withoutSession } from '../credentials/edit.ts';
import { readIfPresent } from '../files/read.ts';
import { sessionIn } from '../session/session.ts';
import { forgetSessions, ownKeyIds } from '../session/state.ts';
import type { Settings } from '../settings/settings.ts';

export interface Forgotten {
  /** The profiles whose session was removed. */
  removed: string[];
  /** A sentence for the user if other users lose access to the credentials file. */
  lost?: string;
}

/**
 * Removes the session of a profile, and the roles' sessions that were made from it, from the credentials file in one change, and
 * what is remembered of them. Every other byte stays.
 * @throws UserError if the file cannot be written, or the profile holds long-term keys
 */
export async function removeSessions(
  { credentials, state }: Settings['files'],
  profile: string,
  roles: readonly string[],
): Promise<Forgotten> {
  if (readIfPresent(credentials) === undefined) return { removed: [] };
  const { changeCredentials } = await import('../files/replace.ts');
  let removed: string[] = [];
  const lost = await changeCredentials(credentials, (bytes) => {
    const own = ownKeyIds({ state, credentials });
    const document = parseCredentials(bytes);
    const held = roles.filter((role) => sessionIn(document.profile(role)).kind === 'session');
    removed = [];
    return [profile, ...held].reduce((before, one) => {
      const after = withoutSession(before, one, { own: own(one) });
      if (!after.equals(before)) removed.push(one);
      return after;
    }, bytes);
  });
  if (removed.length > 0) await forgetSessions(state, credentials, removed).catch(() => {});
  return { removed, ...(lost !== undefined && { lost }) };
}
