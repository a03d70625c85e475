import { type FSWatcher, statSync, watch } from 'node:fs';
import { basename } from 'node:path';
import { explained } from './explain.ts';
import { followLinks } from './follow-links.ts';

/** Events within this time are reported as one, in milliseconds: a single replacement causes several. */
const TOGETHER = 75;

/** How often to follow a path that keeps changing. The next event starts again. */
const MOST_TURNS = 10;

/**
 * Watches a file through its folder: a watch on the file itself would stay with the old file after a replacement. Also watches
 * the symbolic links of its path and, if the file or its folder is missing, the nearest folder that exists. Does not poll.
 * @param listener called when the file may have changed, appeared or disappeared
 * @param onProblem called if a folder cannot be watched (inotify's limit, permissions); the others still are
 */
export function watchFile(
  file: string,
  listener: () => void,
  onProblem: (error: unknown) => void = () => {},
): { close(): void } {
  /** By path and inode: a folder can be replaced by another with the same name. */
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

  /** Watches the folders that the path leads through now. Follows it again, for changes before the watches existed. */
  function arm(): void {
    for (let turn = 0, before = ''; turn < MOST_TURNS && !isClosed; turn++) {
      const wanted = wantedFolders();
      const now = [...wanted.keys()].join('\n');
      if (now === before) return;
      before = now;
      for (const key of watches.keys()) if (!wanted.has(key)) drop(key);
      for (const [key, { folder, names }] of wanted) {
        const existing = watches.get(key);
        if (existing) existing.names = names;
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

  /** Reports each problem once: every event would find it again. */
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
        // The folder itself was moved or deleted: this watch gets no more events.
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

/** Identifies the folder that has a path now. If there is none, the next turn watches the folder above it. */
function identityOf(folder: string): string {
  try {
    const { dev, ino } = statSync(folder);
    return `${dev}:${ino}:${folder}`;
  } catch {
    return folder;
  }
}
