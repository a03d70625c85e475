import type { Fault } from './botocore.ts';
import { type Check, error, type Finding } from './finding.ts';

/** Returns the finding about a fault. Shows nothing of a line that is not a setting: it may be part of a key. */
export function faultFinding(check: Check, file: string, fault: Fault): Finding {
  const { found, mend } = textsOf(fault);
  return error(check, `${file}:${fault.line}: ${found}: the AWS CLI and boto3 reject the whole file`, mend);
}

function textsOf({ kind, line, twice }: Fault): { found: string; mend: string } {
  switch (kind) {
    case 'bom':
      return {
        found: 'the file begins with a BOM, which some editors write',
        mend: 'save the file as UTF-8 without BOM',
      };
    case 'encoding':
      return { found: 'a character that is not UTF-8', mend: 'save the file as UTF-8' };
    case 'stray':
      return {
        found: 'a line that is neither a [section] nor a setting',
        mend: `remove line ${line}, or put "#" in front of it`,
      };
    case 'top':
      return {
        found: 'a line above the first [section]',
        mend: `move line ${line} into a section, or put "#" in front of it`,
      };
    case 'section':
      return {
        found: `a second [${twice?.name}]; the first is in line ${twice?.first}`,
        mend: `merge both sections of [${twice?.name}] into one`,
      };
    case 'key':
      return {
        found: `a second ${twice?.name} in this section; the first is in line ${twice?.first}`,
        mend: `remove line ${twice?.first} or ${line}`,
      };
    case 'nested':
      return {
        found: 'an indented line without "=" below a setting without a value',
        mend: `remove line ${line}, or the spaces in front of it`,
      };
  }
}
