import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Whose a file is: `ours` as we have written it, `edited` by hand or written by somebody else. */
export type Owner = 'nobody' | 'ours' | 'edited';

const SEAL = /^(?<text>[\s\S]*\n)[^\n]*sha256:(?<sum>[0-9a-f]{64})[^\n]*\n$/;

/** A text that can be told from one that was changed: by a last line with its sum, which `comment` makes a comment. */
export function sealed(text: string, comment: (words: string) => string): string {
  return `${text}${comment(`sha256:${sumOf(text)}`)}\n`;
}

/** @param shipped a text that is ours without a seal: people were told to copy it */
export async function ownerOf(file: string, shipped: string): Promise<{ owner: Owner; text: string | undefined }> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return { owner: 'nobody', text };
  const { text: inside = '', sum } = SEAL.exec(text)?.groups ?? {};
  return { owner: text === shipped || sumOf(inside) === sum ? 'ours' : 'edited', text };
}

/** Replaces a file as a whole; a link is replaced, not followed. */
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
