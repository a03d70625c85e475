import type { AwsSettings } from '../credentials/section.ts';
import { UserError } from '../errors.ts';
import { readAwsConfig } from './aws-config.ts';
import type { Paths } from './paths.ts';
import { type AwsFiles, bytesOf, credentialsIn, firstOf, type ProfileSettings, placesOf } from './settings.ts';

/** Whose settings count for the requests of a profile. */
export type SettingsOwner = Pick<ProfileSettings, 'sourceProfile' | 'role'> & { profile?: string };

/**
 * Reads both files once, and returns a function for the settings that count for the requests of a profile. As in the AWS CLI,
 * those of a role come first, when its session is made with that of its source.
 */
export function readAwsSettings(files: Pick<Paths, 'credentials' | 'config'>): (owner: SettingsOwner) => AwsSettings {
  const read = {
    files,
    awsConfig: readAwsConfig(bytesOf(files.config)),
    credentials: credentialsIn(files.credentials),
  };
  return ({ profile, sourceProfile, role }) => {
    const own = role?.isChained && profile !== undefined ? [profile] : [];
    return settingsOf([...own, role?.keysProfile ?? sourceProfile], read);
  };
}

function settingsOf(profiles: readonly string[], read: AwsFiles): AwsSettings {
  const { files, awsConfig } = read;
  const places = profiles.flatMap((profile) => placesOf(profile, read));
  const of = (key: string) => firstOf(places, key);
  return {
    of,
    ofService: (service, key) => {
      const section = of('services');
      if (!section) return undefined;
      const lines = awsConfig.services(section.value);
      if (!lines) {
        const problem = `there is no [services ${section.value}] in ${files.config}`;
        throw new UserError(`${section.place}: services = ${section.value}: ${problem}`, 'usage');
      }
      const value = nested(lines, service, key);
      return value ? { key, value, place: `[services ${section.value}] in ${files.config}` } : undefined;
    },
  };
}

/** Returns `key = value` among the indented lines below `service =`. As in botocore, the key is in lower case. */
function nested(lines: readonly string[], service: string, key: string): string | undefined {
  let isInside = false;
  let found: string | undefined;
  for (const line of lines) {
    if (/^\s*(?:[#;]|$)/.test(line)) continue;
    const [, name = '', value = ''] = /^([^=]*)=(.*)$/.exec(line) ?? [];
    if (!/^\s/.test(line)) isInside = name.trim().toLowerCase() === service && value.trim() === '';
    else if (isInside && name.trim() === key) found = value.trim();
  }
  return found;
}
