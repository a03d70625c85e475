import { stat } from 'node:fs/promises';
import { shellWord } from '../plain.ts';
import type { Paths } from '../settings/paths.ts';
import { lacksDevice, type Settings } from '../settings/settings.ts';
import { error, type Finding, ok } from './finding.ts';

/** The settings, or why they could not be read. */
export type Loaded = { settings: Settings } | { settings?: undefined; reason: string };

/** Checks the settings. */
export async function settingsFindings(loaded: Loaded, { settings: file, company }: Paths): Promise<Finding[]> {
  const stats = await stat(file).catch(() => undefined);
  const isGiven = company !== undefined && (await stat(company).catch(() => undefined)) !== undefined;
  const findings: Finding[] = [];
  if (loaded.settings === undefined) {
    findings.push(
      error(
        'settings.file',
        loaded.reason,
        'correct that, and run doctor again: checks that need the settings were skipped',
      ),
    );
  } else {
    const kept = loaded.settings.profiles.map(({ profile, sourceProfile }) => `[${profile}] from [${sourceProfile}]`);
    findings.push(
      ok(
        'settings.file',
        `${stats ? file : `${file} does not exist, so ${isGiven ? `only ${company} is` : 'the defaults are'} used`}: ${kept.join(', ')}`,
      ),
    );
  }
  // An error in it is an error of the settings.
  if (isGiven && loaded.settings) findings.push(ok('settings.defaults', `${company} has your company's defaults`));
  if (stats) {
    // A user who can write the file can make the agent run a command (mfa_process).
    const isOpen = (stats.mode & 0o022) !== 0;
    const mode = (stats.mode & 0o777).toString(8);
    findings.push(
      isOpen
        ? error(
            'settings.mode',
            `others may write ${file} (mode ${mode}), and so could run commands as you`,
            `chmod go-w ${shellWord(file)}`,
          )
        : ok('settings.mode', `only you may write ${file} (mode ${mode})`),
    );
  }
  for (const one of loaded.settings?.profiles ?? []) {
    const { profile, serialNumber, sourceProfile, role } = one;
    if (role?.isChained) {
      const found = `the role of [${profile}] is assumed with the session of [${sourceProfile}]: ${role.arn}`;
      findings.push(ok('settings.role', found, profile));
      continue;
    }
    findings.push(
      lacksDevice(one)
        ? error(
            'settings.serial',
            `[${profile}] has no mfa_serial, neither in ${file} nor for [${sourceProfile}] in the AWS config or credentials file`,
            `run "aws-mfa-agent setup", or put mfa_serial = arn:aws:iam::ACCOUNT:mfa/NAME under [${profile}] in ${file}`,
            profile,
          )
        : ok('settings.serial', `the MFA device of [${profile}] is ${serialNumber}`, profile),
    );
  }
  return findings;
}
