import { stat } from 'node:fs/promises';
import type { Paths } from '../settings/paths.ts';
import type { Settings } from '../settings/settings.ts';
import { error, type Finding, ok } from './finding.ts';

/** The settings as they were read, or why they could not be. */
export type Loaded = { settings: Settings } | { settings?: undefined; reason: string };

/** What the settings say, as far as they can be used at all. */
export async function settingsFindings(loaded: Loaded, { settings: file }: Paths): Promise<Finding[]> {
  const stats = await stat(file).catch(() => undefined);
  const findings: Finding[] = [];
  if (loaded.settings === undefined) {
    findings.push(
      error(
        'settings.file',
        loaded.reason,
        'correct that, and run doctor again: what needs the settings was not looked at',
      ),
    );
  } else {
    const kept = loaded.settings.profiles.map(({ profile, sourceProfile }) => `[${profile}] from [${sourceProfile}]`);
    findings.push(ok('settings.file', `${stats ? file : `no ${file}, so the defaults`}: ${kept.join(', ')}`));
  }
  if (stats) {
    // Who writes there has the agent run a command of theirs: mfa_process.
    const isOpen = (stats.mode & 0o022) !== 0;
    const mode = (stats.mode & 0o777).toString(8);
    findings.push(
      isOpen
        ? error(
            'settings.mode',
            `others may write ${file} (mode ${mode}), and so run commands as you`,
            `chmod go-w ${file}`,
          )
        : ok('settings.mode', `only you may write ${file} (mode ${mode})`),
    );
  }
  for (const { profile, serialNumber, sourceProfile } of loaded.settings?.profiles ?? []) {
    findings.push(
      serialNumber === undefined
        ? error(
            'settings.serial',
            `no mfa_serial is known for [${profile}]: neither in ${file} nor, for [${sourceProfile}], in the AWS config or credentials file`,
            `put mfa_serial = arn:aws:iam::ACCOUNT:mfa/NAME under [${profile}] in ${file}`,
            profile,
          )
        : ok('settings.serial', `[${profile}] asks for the codes of ${serialNumber}`, profile),
    );
  }
  return findings;
}
