import type { Fault } from './botocore.ts';

/** A fault for a person, in one line. Nothing of a line that holds no setting is shown: it may be a piece of a key. */
export function faultText(file: string, { kind, line, twice }: Fault): string {
  const start = `${file}:${line}:`;
  const end = 'the AWS CLI and boto3 give up the whole file';
  switch (kind) {
    case 'bom':
      return `${start} the file begins with a BOM, which some editors write: ${end}`;
    case 'encoding':
      return `${start} a character that is no UTF-8: ${end}`;
    case 'stray':
      return `${start} a line that is neither a [section] nor a setting: ${end}`;
    case 'top':
      return `${start} something stands above the first [section]: ${end}`;
    case 'section':
      return `${start} [${twice?.name}] stands already in line ${twice?.first}: ${end}`;
    case 'key':
      return `${start} ${twice?.name} stands already in line ${twice?.first}, in the same section: ${end}`;
    case 'nested':
      return `${start} an indented line without "=" below a setting without a value: ${end}`;
  }
}

export function mendFault({ kind, line, twice }: Fault): string {
  switch (kind) {
    case 'bom':
      return 'save it as UTF-8 without BOM';
    case 'encoding':
      return 'save it as UTF-8';
    case 'stray':
      return `remove line ${line}, or put "#" before it`;
    case 'top':
      return `move line ${line} into a section, or put "#" before it`;
    case 'section':
      return `put both sections of [${twice?.name}] together`;
    case 'key':
      return `remove line ${twice?.first} or ${line}`;
    case 'nested':
      return `remove line ${line}, or the blanks before it`;
  }
}
