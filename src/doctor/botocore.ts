import {
  BOM,
  behindDelimiter,
  decode,
  type FileLine,
  type FileSection,
  linesOf,
  sectionsIn,
} from '../credentials/lines.ts';

/** A reason why botocore (the AWS CLI, boto3) rejects a whole file that other readers accept. */
export interface Fault {
  kind: 'bom' | 'encoding' | 'stray' | 'top' | 'section' | 'key' | 'nested';
  /** From 1. */
  line: number;
  /** The section or the key that occurs twice, and the line of its first occurrence. */
  twice?: { name: string; first: number };
}

/**
 * Returns what makes Python's configparser, as botocore uses it, reject a credentials or config file, in the order of the
 * lines. Contains no text of a line that is not a setting: it may be part of a key.
 */
export function botocoreFaults(bytes: Buffer): Fault[] {
  const faults: Fault[] = [];
  if (bytes.toString('latin1', 0, BOM.length) === BOM) faults.push({ kind: 'bom', line: 1 });
  const sections = sectionsIn(bytes);
  const start = faults.length > 0 ? BOM.length : 0;
  const top: FileSection = { start, header: start, end: sections[0]?.start ?? bytes.length };
  let number = 1;
  for (const line of linesOf(bytes, top)) {
    if (line.kind !== 'blank' && line.kind !== 'comment') faults.push({ kind: 'top', line: number });
    number += 1;
  }
  const headers = new Map<string, number>();
  /** The first line of each section and key. Not by section object: Python merges several [DEFAULT]. */
  const keys = new Map<string, number>();
  const broken: { name: string; key: string; line: number }[] = [];
  for (const section of sections) {
    const lines = linesOf(bytes, section);
    // Up to the last bracket of the line, unlike other readers, which ignore a note behind the header.
    const name = /\[(.+)\]/.exec(decode(lines[0]?.text ?? ''))?.[1] ?? '';
    const first = headers.get(name);
    // In Python, [DEFAULT] is not an ordinary section: it may occur twice.
    if (first !== undefined && name !== 'DEFAULT')
      faults.push({ kind: 'section', line: number, twice: { name, first } });
    headers.set(name, first ?? number);
    for (const [index, line] of lines.entries()) {
      if (line.kind === 'stray') faults.push({ kind: 'stray', line: number });
      if (line.kind === 'setting') {
        const key = `${name}\n${line.key}`;
        const before = keys.get(key);
        if (before === undefined) keys.set(key, number);
        // If the section itself occurs twice, that is the fault.
        else if (first === undefined || name === 'DEFAULT') {
          faults.push({ kind: 'key', line: number, twice: { name: line.key, first: before } });
        }
        const nested = brokenNesting(lines, index);
        if (nested !== undefined) broken.push({ name, key: line.key, line: number + nested - index });
      }
      number += 1;
    }
  }
  for (const { name, key, line } of broken) {
    // A setting in [DEFAULT] is read with every section that does not have that key, and only there.
    const isRead =
      name !== 'DEFAULT' || [...headers.keys()].some((other) => other !== name && !keys.has(`${other}\n${key}`));
    if (isRead) faults.push({ kind: 'nested', line });
  }
  const invalid = invalidLine(bytes);
  if (invalid !== undefined) faults.push({ kind: 'encoding', line: invalid });
  return faults.sort((one, other) => one.line - other.line);
}

/** Below an empty `key =`, every continuation must be a setting. @returns the index of one that is not */
function brokenNesting(lines: FileLine[], index: number): number | undefined {
  const owner = lines[index];
  if (owner?.kind !== 'setting' || behindDelimiter(owner).trim() !== '') return undefined;
  for (let at = index + 1; at < lines.length; at++) {
    const line = lines[at];
    if (line?.kind === 'continuation') {
      if (!decode(line.text).includes('=')) return at;
    } else if (line?.kind !== 'blank' && line?.kind !== 'comment') return undefined;
  }
  return undefined;
}

function invalidLine(bytes: Buffer): number | undefined {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return undefined;
  } catch {
    return [...bytes.toString('latin1').split(/\r\n?|\n/)].findIndex((line) => !isUtf8(line)) + 1;
  }
}

function isUtf8(latin1: string): boolean {
  return Buffer.from(Buffer.from(latin1, 'latin1').toString('utf8'), 'utf8').toString('latin1') === latin1;
}
