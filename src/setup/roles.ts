import * as forms from '../settings/forms.ts';
import { awsSetting, type Files } from './found.ts';
import type { Questions } from './questions.ts';
import * as texts from './texts.ts';

/** A role profile of `~/.aws/config` that the agent could keep fresh with the session of the MFA profile. */
export interface OfferedRole {
  /** Its name in `~/.aws/config`. */
  name: string;
  /** Its name in `config.ini`: another one, since tools themselves assume the role of the first. */
  profile: string;
  /** The name in `~/.aws/config` of the role with whose session it is assumed; undefined: with that of the MFA profile. */
  through: string | undefined;
  /** Its settings, as they are written in `config.ini`, without `source_profile`. */
  settings: [key: string, value: string][];
}

/** The settings of a role that the agent takes along if they have these forms. */
const TAKEN: [key: string, form: forms.Form<unknown>][] = [
  ['role_arn', forms.roleArn],
  ['role_session_name', forms.roleSessionName],
  ['external_id', forms.externalId],
  ['duration_seconds', forms.chainedRoleSeconds],
  ['region', forms.region],
];

/**
 * Returns the roles of `~/.aws/config` that lead to an MFA profile, or name the same MFA device, and are not in `config.ini`.
 * Each comes after the role that it is assumed with.
 */
export function rolesIn(files: Files, mfaProfile: string, serialNumber: string): OfferedRole[] {
  const roles: OfferedRole[] = [];
  const isKnown = (profile: string) => files.sections.includes(profile) || roles.some((one) => one.profile === profile);
  const offer = (name: string): OfferedRole | undefined => {
    const known = roles.find((one) => one.name === name);
    if (known) return known;
    const of = (key: string) => awsSetting(files, name, key);
    const [source, device] = [of('source_profile'), of('mfa_serial')];
    const settings = TAKEN.flatMap(([key, form]): [string, string][] => {
      const value = of(key);
      return value !== undefined && form.read(value) !== undefined ? [[key, value]] : [];
    });
    if (settings[0]?.[0] !== 'role_arn' || source === undefined || source === name) return undefined;
    const isDirect = source === mfaProfile || device === serialNumber;
    const through = isDirect ? undefined : offer(source);
    if (!isDirect && !through) return undefined;
    const profile = `${name}-keys`;
    if (isKnown(profile)) return undefined;
    const role = { name, profile, through: through?.name, settings };
    roles.push(role);
    return role;
  };
  for (const name of files.config.profileNames()) if (!isCircle(files, name)) offer(name);
  return roles;
}

function isCircle(files: Files, name: string, seen: readonly string[] = []): boolean {
  const source = awsSetting(files, name, 'source_profile');
  return seen.includes(name) || (source !== undefined && source !== name && isCircle(files, source, [...seen, name]));
}

const ALL = '*';
const NONE = '';

/**
 * Asks which of the roles the agent should keep fresh.
 * @param named the option `--roles`: `all`, `none`, or names separated by commas
 * @returns the chosen roles, and the roles that they are assumed with
 */
export async function chooseRoles(
  questions: Questions,
  roles: readonly OfferedRole[],
  named: string | undefined,
): Promise<OfferedRole[]> {
  if (roles.length === 0 && named === 'all') questions.say(texts.noRoles(named));
  if (named === undefined && (roles.length === 0 || !questions.person)) return [];
  const choices = [
    { value: NONE, label: texts.NO_ROLE, hint: texts.NO_ROLE_HINT },
    { value: ALL, label: texts.allRoles(roles.length) },
    ...roles.map(({ name, profile }) => ({ value: name, label: texts.roleLabel(name, profile) })),
  ];
  const option = '--roles';
  const chosen = named ?? (await questions.choose({ option, message: texts.WHICH_ROLES, choices, initial: NONE }));
  if (chosen === ALL || chosen === 'all') return [...roles];
  const names = chosen.split(',').map((name) => name.trim());
  const withSources = (name: string | undefined): string[] => {
    const role = roles.find((one) => one.name === name);
    return role ? [role.name, ...withSources(role.through)] : [];
  };
  const unknown = names.filter((name) => name !== NONE && name !== 'none' && !roles.some((one) => one.name === name));
  if (unknown.length > 0) questions.say(texts.noRoles(unknown.join(',')));
  const wanted = names.flatMap(withSources);
  return roles.filter(({ name }) => wanted.includes(name));
}
