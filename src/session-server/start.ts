import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GlobalOptions } from '../cli/options.ts';
import { explained } from '../files/explain.ts';
import { makeFolder } from '../files/make-folder.ts';
import type { UsableSession } from '../session/session.ts';
import type { ProfileSettings, Settings } from '../settings/settings.ts';
import { currentSession } from './current-session.ts';
import { hidesCredentialsFile } from './default-profile.ts';
import { type SessionServer, serveSession } from './server.ts';

/**
 * Starts the server that gives a command the present session of a profile, for as long as the command runs.
 * @param first the session that the command starts with
 * @param environment of this process at its start
 * @param options `tokenFile`: whether the token is written to a file, which is removed with the server
 * @returns `hidesFile`: whether the command's tools must not read the credentials file
 * @throws UserError (`usage`) if tools would prefer other credentials, or if the file cannot be written
 */
export async function startSessionServer(
  settings: Settings,
  profile: ProfileSettings,
  first: UsableSession,
  environment: NodeJS.ProcessEnv,
  { config, tokenFile: isInFile = false }: GlobalOptions & { tokenFile?: boolean },
): Promise<SessionServer & { tokenFile: string | undefined; hidesFile: boolean }> {
  const hidesFile = hidesCredentialsFile(settings.files);
  const ended = new AbortController();
  const globalWords = config === undefined ? [] : ['--config', config];
  const child = { globalWords, environment, signal: ended.signal };
  const server = await serveSession(currentSession(settings, profile, first, child));
  let tokenFile: string | undefined;
  const close = () => {
    ended.abort();
    server.close();
    if (tokenFile !== undefined) rmSync(tokenFile, { force: true });
  };
  try {
    tokenFile = isInFile ? writeToken(settings.files.runtime, server.token) : undefined;
  } catch (error) {
    close();
    throw error;
  }
  return { ...server, close, tokenFile, hidesFile };
}

/** Writes a file that only its owner can read, without a line break: SDKs send the whole content. */
function writeToken(folder: string, token: string): string {
  const path = join(folder, `exec-${process.pid}.token`);
  try {
    makeFolder(folder);
    // One that a killed process with the same number has left.
    rmSync(path, { force: true });
    writeFileSync(path, token, { mode: 0o600, flag: 'wx' });
    return path;
  } catch (error) {
    throw explained(error, 'write', path);
  }
}
