import { expect, it } from 'vitest';
import { withDashes } from '../../src/cli/dashes.ts';
import { createProgram } from '../../src/cli/program.ts';

it.each([
  ['exec --min 1h mfa | printf --debug x'],
  ['exec --min=1h mfa | printf --min 2h'],
  ['exec --server mfa | printf --profile admin x'],
  ['--config file exec mfa --server | ls -l'],
  ['exec --profile mfa | ls --profile admin'],
  ['exec --profile=mfa --debug | ls'],
  // Nothing to add: another command, no command, or dashes that are there.
  ['status --profile mfa work more'],
  ['exec --debug mfa'],
  ['exec mfa --min 1h'],
  ['exec --debug mfa two -- true'],
  ['exec --nope mfa -- ls'],
  ['help exec mfa'],
  [''],
])('the dashes that were left out come before the command of "%s", marked by "|"', (line) => {
  const words = (mark: string) => line.split(' ').map((word) => (word === '|' ? mark : word));
  expect(withDashes(words('').filter(Boolean), createProgram())).toEqual(words('--').filter(Boolean));
});
