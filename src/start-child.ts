import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';

/**
 * Starts a program, and returns the error if Node throws one. Node emits only EACCES, EAGAIN, EMFILE, ENFILE and ENOENT as the
 * child's `error` event. It throws all others: no memory, arguments that are too long, a circle of links, a program for
 * another processor (EBADARCH on macOS).
 */
export function startChild(program: string, words: readonly string[], options: SpawnOptions): ChildProcess | Error {
  try {
    return spawn(program, words, options);
  } catch (error) {
    return error as Error;
  }
}

/** The paths of the running Node: as it was called, and what that led to. */
type Called = Pick<NodeJS.Process, 'argv0' | 'execPath'>;

/**
 * Returns the path of Node for a child of ours. A service calls Node by a path that survives an upgrade, such as Homebrew's
 * link in `bin`. `process.execPath` is what the link led to, and an upgrade deletes that.
 */
export function nodePath(called: Called = process): string {
  return pathsOfNode(called).find((path) => existsSync(path)) ?? called.execPath;
}

/** Whether Node was removed, so that it cannot be started again. */
export function isNodeGone(called: Called = process): boolean {
  return !pathsOfNode(called).some((path) => existsSync(path));
}

function pathsOfNode({ argv0, execPath }: Called): string[] {
  return isAbsolute(argv0) ? [argv0, execPath] : [execPath];
}
