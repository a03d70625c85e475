import { statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Somebody else may get at the credentials file: one line each for a person. */
export interface Exposure {
  of: 'file' | 'folder';
  found: string;
  mend: string;
}

/**
 * Who else may get at the credentials file, by the permission bits. A folder that others may enter is ordinary (the AWS
 * CLI makes it so); one that they may write is not.
 */
export function exposures(file: string): Exposure[] {
  const [ofFile, ofFolder] = [modeOf(file), modeOf(dirname(file))];
  const found: Exposure[] = [];
  if (ofFile & 0o077) {
    const what = `others may read or write ${file} (mode ${octal(ofFile)})`;
    found.push({ of: 'file', found: what, mend: `chmod 600 ${file}` });
  }
  if (ofFolder & 0o022) {
    const what = `others may replace ${file} (its folder has mode ${octal(ofFolder)})`;
    found.push({ of: 'folder', found: what, mend: `chmod go-w ${dirname(file)}` });
  }
  return found;
}

/** The worst of them in one line, or undefined when nobody else may. */
export function exposure(file: string): string | undefined {
  const [worst] = exposures(file);
  return worst && `${worst.found}: ${worst.mend}`;
}

/** 0 when there is nothing. */
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
