import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The state of a file: `ours` as we wrote it, `edited` by the user or another program, or missing. */
export type Owner = 'missing' | 'ours' | 'edited';

const SEAL = /^(?<text>[\s\S]*\n)[^\n]*sha256:(?<sum>[0-9a-f]{64})[^\n]*\n$/;

/** Returns a text with its checksum in a last line, which `comment` turns into a comment, so that edits can be recognized. */
export function sealed(text: string, comment: (words: string) => string): string {
  return `${text}${comment(`sha256:${sumOf(text)}`)}\n`;
}

/**
 * Reads a file, and whether it is as we wrote it.
 * @param shipped the template, which users may have copied: it is ours without a checksum
 */
export async function ownerOf(file: string, shipped: string): Promise<{ owner: Owner; text: string | undefined }> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return { owner: 'missing', text };
  const { text: inside = '', sum } = SEAL.exec(text)?.groups ?? {};
  return { owner: text === shipped || sumOf(inside) === sum ? 'ours' : 'edited', text };
}

/** Replaces a whole file atomically. A symbolic link is replaced, not followed. */
export async function writeWhole(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.new`;
  try {
    await writeFile(temporary, text, { mode: 0o644, flag: 'wx', flush: true });
    await rename(temporary, file);
  } finally {
    await rm(temporary, { force: true });
  }
}

function sumOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
