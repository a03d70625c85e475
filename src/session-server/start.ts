import type { GlobalOptions } from '../cli/options.ts';
import type { UsableSession } from '../session/session.ts';
import type { ProfileSettings, Settings } from '../settings/settings.ts';
import { currentSession } from './current-session.ts';
import { hidesCredentialsFile } from './default-profile.ts';
import { type SessionServer, serveSession } from './server.ts';

/**
 * Starts the server that gives a command the present session of a profile, for as long as the command runs.
 * @param first the session that the command starts with
 * @param environment of this process at its start
 * @returns `hidesFile`: whether the command's tools must not read the credentials file
 * @throws UserError (`usage`) if tools would prefer other credentials
 */
export async function startSessionServer(
  settings: Settings,
  profile: ProfileSettings,
  first: UsableSession,
  environment: NodeJS.ProcessEnv,
  { config }: GlobalOptions,
): Promise<SessionServer & { hidesFile: boolean }> {
  const hidesFile = hidesCredentialsFile(settings.files);
  const ended = new AbortController();
  const globalWords = config === undefined ? [] : ['--config', config];
  const child = { globalWords, environment, signal: ended.signal };
  const server = await serveSession(currentSession(settings, profile, first, child));
  const close = () => {
    ended.abort();
    server.close();
  };
  return { ...server, close, hidesFile };
}
