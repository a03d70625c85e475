import { createHash } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { explained } from '../files/explain.ts';
import { makeFolder } from '../files/make-folder.ts';
import { readIfPresent } from '../files/read.ts';
import type { Service } from './service.ts';

/** The state of a file: `ours` as we wrote it, `edited` by the user or another program, or missing. */
export type Owner = 'missing' | 'ours' | 'edited';

const SEAL = /^(?<text>[\s\S]*\n)[^\n]*sha256:(?<sum>[0-9a-f]{64})[^\n]*\n$/;

/** Returns a text with its checksum in a last line, which `comment` turns into a comment, so that edits can be recognized. */
export function sealed(text: string, comment: (words: string) => string): string {
  return `${text}${comment(`sha256:${sumOf(text)}`)}\n`;
}

/** Reads a service file, and whether it is as we wrote it. A copy of the template is ours, too; a mask is no file. */
export function ownerOf({ file, template, emptyIsMask }: Pick<Service, 'file' | 'template' | 'emptyIsMask'>): {
  owner: Owner;
  text: string | undefined;
} {
  const text = readIfPresent(file)?.toString();
  if (text === undefined || (emptyIsMask && text === '')) return { owner: 'missing', text: undefined };
  const { text: inside = '', sum } = SEAL.exec(text)?.groups ?? {};
  return { owner: text === template || sumOf(inside) === sum ? 'ours' : 'edited', text };
}

/**
 * Replaces a whole file atomically. A symbolic link is replaced, not followed.
 * @throws UserError: other programs have made folders such as ~/Library/LaunchAgents root's
 */
export function writeWhole(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.new`;
  try {
    makeFolder(dirname(file), 0o777);
    try {
      writeFileSync(temporary, text, { mode: 0o644, flag: 'wx', flush: true });
      renameSync(temporary, file);
    } finally {
      rmSync(temporary, { force: true });
    }
  } catch (error) {
    throw explained(error, 'write', file);
  }
}

function sumOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
