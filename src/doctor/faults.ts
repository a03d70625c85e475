import type { Fault } from './botocore.ts';

/** Describes a fault in one line. Shows nothing of a line that is not a setting: it may be part of a key. */
export function faultText(file: string, { kind, line, twice }: Fault): string {
  const start = `${file}:${line}:`;
  const end = 'the AWS CLI and boto3 reject the whole file';
  switch (kind) {
    case 'bom':
      return `${start} the file begins with a BOM, which some editors write: ${end}`;
    case 'encoding':
      return `${start} a character that is not UTF-8: ${end}`;
    case 'stray':
      return `${start} a line that is neither a [section] nor a setting: ${end}`;
    case 'top':
      return `${start} a line above the first [section]: ${end}`;
    case 'section':
      return `${start} a second [${twice?.name}]; the first is in line ${twice?.first}: ${end}`;
    case 'key':
      return `${start} a second ${twice?.name} in this section; the first is in line ${twice?.first}: ${end}`;
    case 'nested':
      return `${start} an indented line without "=" below a setting without a value: ${end}`;
  }
}

export function mendFault({ kind, line, twice }: Fault): string {
  switch (kind) {
    case 'bom':
      return 'save the file as UTF-8 without BOM';
    case 'encoding':
      return 'save the file as UTF-8';
    case 'stray':
      return `remove line ${line}, or put "#" in front of it`;
    case 'top':
      return `move line ${line} into a section, or put "#" in front of it`;
    case 'section':
      return `merge both sections of [${twice?.name}] into one`;
    case 'key':
      return `remove line ${twice?.first} or ${line}`;
    case 'nested':
      return `remove line ${line}, or the spaces in front of it`;
  }
}
