import { shortKeyId } from '../session/session.ts';

/** A line of the credentials file as the demo shows it. */
interface ShownLine {
  /** With secrets masked. */
  text: string;
  changed: boolean;
}

/** Returns the lines of a credentials file with secrets masked, and whether each differs from the file before. */
export function shownLines(file: Buffer, before: Buffer = file): ShownLine[] {
  const old = linesOf(before);
  return linesOf(file).map((line, index) => ({ text: masked(line), changed: line !== old[index] }));
}

/**
 * Returns a credentials file without the session's values of one profile: what a refresh must not change. Does not use the
 * agent's own reader, since it checks that reader's work.
 */
export function withoutSession(file: Buffer, profile: string): string {
  let inside = false;
  return file
    .toString('latin1')
    .split(/(?<=\n)/)
    .map((line) => {
      const [, name] = /^\[(.*)\]/.exec(line) ?? [];
      if (name !== undefined) inside = name === profile;
      return inside ? line.replace(SESSION, '$<key>') : line;
    })
    .join('');
}

const SESSION = /^(?<key>(?:aws_access_key_id|aws_secret_access_key|aws_session_token|expiration) = ).*/;

function masked(line: string): string {
  return line
    .replace(/^(aws_access_key_id\s*=\s*)(.*)$/, (_, key, id) => key + shortKeyId(id))
    .replace(/^(aws_(?:secret_access_key|session_token)\s*=\s*).*$/, '$1****');
}

function linesOf(file: Buffer): string[] {
  return file.toString('utf8').replace(/\n$/, '').split('\n');
}
