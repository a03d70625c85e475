import { type FSWatcher, statSync, watch } from 'node:fs';
import { basename } from 'node:path';
import { explained } from './explain.ts';
import { followLinks } from './follow-links.ts';

/** Events within so many milliseconds are told as one: a single replacement makes several. */
const TOGETHER = 75;

/** How often to look again where a path leads while it changes under our hands; the next event brings another turn. */
const MOST_TURNS = 10;

/**
 * Watches a file through its folder, for a watch on the file itself would stay with the old one when it is replaced. The
 * symbolic links on its way are watched as well, and where the file or its folder is missing, the nearest folder that
 * stands. Nothing is polled, and nothing is thrown later on.
 * @param listener called after the file may have changed, appeared or vanished
 * @param onProblem called when a folder cannot be watched (inotify's limit, permissions); the others still are
 */
export function watchFile(
  file: string,
  listener: () => void,
  onProblem: (error: unknown) => void = () => {},
): { close(): void } {
  /** By folder and inode: the folder may be another one under the same name. */
  const watches = new Map<string, { names: Set<string>; watcher: FSWatcher | undefined }>();
  let pending: NodeJS.Timeout | undefined;
  let isClosed = false;
  let reported: string | undefined;

  arm();
  return {
    close() {
      isClosed = true;
      clearTimeout(pending);
      for (const key of watches.keys()) drop(key);
    },
  };

  /** Puts the watches where the path leads now, and looks once more for what changed before they stood. */
  function arm(): void {
    for (let turn = 0, before = ''; turn < MOST_TURNS && !isClosed; turn++) {
      const wanted = wantedFolders();
      const now = [...wanted.keys()].join('\n');
      if (now === before) return;
      before = now;
      for (const key of watches.keys()) if (!wanted.has(key)) drop(key);
      for (const [key, { folder, names }] of wanted) {
        const standing = watches.get(key);
        if (standing) standing.names = names;
        else watches.set(key, { names, watcher: watchFolder(key, folder) });
      }
    }
  }

  function wantedFolders(): Map<string, { folder: string; names: Set<string> }> {
    const wanted = new Map<string, { folder: string; names: Set<string> }>();
    const { places, problem } = followLinks(file);
    if (problem) report(explained(problem, 'watch', file));
    for (const { folder, name } of places) {
      const identity = identityOf(folder);
      const names = wanted.get(identity)?.names ?? new Set();
      wanted.set(identity, { folder, names: names.add(name) });
    }
    return wanted;
  }

  /** The same once only, for every event brings another look. */
  function report(error: unknown): void {
    const text = String(error);
    if (text !== reported) onProblem(error);
    reported = text;
  }

  function watchFolder(key: string, folder: string): FSWatcher | undefined {
    const failed = (error: unknown) => report(explained(error, 'watch', folder));
    try {
      const watcher = watch(folder, (_event, name) => {
        const isOwn = name === null || name === basename(folder);
        // The folder itself was moved or deleted: this watch is blind from now on.
        if (isOwn) drop(key);
        if (isOwn || watches.get(key)?.names.has(name)) changed();
      });
      return watcher.on('error', (error) => {
        drop(key);
        failed(error);
      });
    } catch (error) {
      failed(error);
      return undefined;
    }
  }

  function drop(key: string): void {
    watches.get(key)?.watcher?.close();
    watches.delete(key);
  }

  function changed(): void {
    arm();
    pending ??= setTimeout(() => {
      pending = undefined;
      arm();
      listener();
    }, TOGETHER);
  }
}

/** Which folder stands under a name now. None: then the place above it is among those of the next turn. */
function identityOf(folder: string): string {
  try {
    const { dev, ino } = statSync(folder);
    return `${dev}:${ino}:${folder}`;
  } catch {
    return folder;
  }
}
