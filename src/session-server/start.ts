import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { GlobalOptions } from '../cli/options.ts';
import { say } from '../cli/output.ts';
import { explained } from '../files/explain.ts';
import { makeFolder } from '../files/make-folder.ts';
import type { UsableSession } from '../session/session.ts';
import { EMPTY_FILE_END } from '../session/variables.ts';
import type { ProfileSettings, Settings } from '../settings/settings.ts';
import { currentSession } from './current-session.ts';
import { hidesCredentialsFile } from './default-profile.ts';
import { type SessionServer, serveSession } from './server.ts';

/** The files that a command gets beside its server. */
interface OwnFiles {
  /** Holds the token; undefined if a variable does. */
  tokenFile?: string;
  /** What tools read instead of the credentials file; undefined if they may read that. */
  emptyFile?: string;
}

/**
 * Starts the server that gives a command the present session of a profile, for as long as the command runs.
 * @param first the session that the command starts with
 * @param environment of this process at its start
 * @param options `tokenFile`: whether the token is written to a file
 * @returns the server, whose `close` also removes the files
 * @throws UserError if tools would prefer other credentials, or if the files cannot be written
 */
export async function startSessionServer(
  settings: Settings,
  profile: ProfileSettings,
  first: UsableSession,
  environment: NodeJS.ProcessEnv,
  { config, tokenFile: isInFile = false }: GlobalOptions & { tokenFile?: boolean },
): Promise<SessionServer & OwnFiles> {
  const { runtime, credentials } = settings.files;
  const hidesFile = hidesCredentialsFile(settings.files);
  const ended = new AbortController();
  const globalWords = config === undefined ? [] : ['--config', config];
  const child = { globalWords, environment, signal: ended.signal };
  const server = await serveSession(currentSession(settings, profile, first, child));
  const files: OwnFiles = {};
  const close = () => {
    ended.abort();
    server.close();
    if (files.tokenFile !== undefined) rmSync(files.tokenFile, { force: true });
    if (files.emptyFile !== undefined) removeEmpty(files.emptyFile, emptyText(profile.profile, credentials));
  };
  try {
    if (isInFile) files.tokenFile = ownFile(join(runtime, `exec-${process.pid}.token`), server.token); // No line break: SDKs send all of it.
    if (hidesFile) {
      const path = join(runtime, `exec-${process.pid}${EMPTY_FILE_END}`);
      // Read-only: a tool that wants to save credentials must fail.
      files.emptyFile = ownFile(path, emptyText(profile.profile, credentials), 0o400);
    }
  } catch (error) {
    close();
    throw error;
  }
  return { ...server, ...files, close };
}

function emptyText(profile: string, file: string): string {
  return `# Without profiles: "aws-mfa-agent exec --server" gives this command the session of ${JSON.stringify(profile)}.
# AWS tools would prefer the keys of [default] in ${file}, so they do not see that file.
`;
}

/** Removes the file that tools read instead of the credentials file, unless one of them has written into it. */
function removeEmpty(path: string, text: string): void {
  let left: string | undefined;
  try {
    left = readFileSync(path, 'utf8');
  } catch {
    return;
  }
  if (left === text) rmSync(path, { force: true });
  else say(`${path}: the command has written this instead of your credentials file; move what you need, and remove it`);
}

/** Writes a file that only its owner can read. */
function ownFile(path: string, text: string, mode = 0o600): string {
  try {
    makeFolder(dirname(path));
    // One that a killed process with the same number has left.
    rmSync(path, { force: true });
    writeFileSync(path, text, { mode, flag: 'wx' });
    return path;
  } catch (error) {
    throw explained(error, 'write', path);
  }
}
