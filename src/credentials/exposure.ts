import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Who else may get at the credentials file, by the permission bits: one line for a person, or undefined when nobody.
 * A folder that others may enter is ordinary (the AWS CLI makes it so); one that they may write is not.
 */
export async function exposure(file: string): Promise<string | undefined> {
  const [ofFile, ofFolder] = await Promise.all([modeOf(file), modeOf(dirname(file))]);
  if (ofFile & 0o077) return `others may read or write ${file} (mode ${octal(ofFile)}): chmod 600 ${file}`;
  if (ofFolder & 0o022)
    return `others may replace ${file} (its folder has mode ${octal(ofFolder)}): chmod go-w ${dirname(file)}`;
  return undefined;
}

/** 0 when there is nothing. */
async function modeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.mode ?? 0;
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8);
}
