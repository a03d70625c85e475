import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { shellWord } from '../plain.ts';

/** A way in which other users can access the credentials file: what was found, and how to fix it. */
export interface Exposure {
  of: 'file' | 'folder';
  found: string;
  mend: string;
}

/**
 * Returns how other users can access the credentials file, judged by permission bits. Others may read the folder, as the AWS
 * CLI creates it; they must not write in it.
 */
export function exposures(file: string): Exposure[] {
  const [ofFile, ofFolder] = [modeOf(file), modeOf(dirname(file))];
  const found: Exposure[] = [];
  if (ofFile & 0o077) {
    const what = `others may read or write ${file} (mode ${octal(ofFile)})`;
    found.push({ of: 'file', found: what, mend: `chmod 600 ${shellWord(file)}` });
  }
  if (ofFolder & 0o022) {
    const what = `others may replace ${file} (its folder has mode ${octal(ofFolder)})`;
    found.push({ of: 'folder', found: what, mend: `chmod go-w ${shellWord(dirname(file))}` });
  }
  return found;
}

/** Returns the first exposure and its fix in one line, undefined if there is none. */
export function exposure(file: string): string | undefined {
  const [worst] = exposures(file);
  return worst && `${worst.found}: ${worst.mend}`;
}

/** Returns the mode of a file, 0 if it does not exist. */
function modeOf(path: string): number {
  try {
    return statSync(path).mode;
  } catch {
    return 0;
  }
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8);
}
