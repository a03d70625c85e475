/** The checks by subject, in the order of the report. Their names are part of the JSON: see docs/doctor.md. */
export const SUBJECTS = {
  Settings: ['settings.file', 'settings.defaults', 'settings.mode', 'settings.serial', 'settings.role'],
  'Credentials file': [
    'credentials.file',
    'credentials.mode',
    'credentials.owner',
    'credentials.link',
    'credentials.folder',
    'credentials.parse',
    'credentials.sections',
    'credentials.leftovers',
    'credentials.lock',
    'credentials.rewrite',
  ],
  'AWS config file': ['config.parse', 'config.roles', 'config.profile'],
  Environment: ['environment.keys', 'environment.profile'],
  AWS: ['aws.endpoint', 'aws.proxy', 'aws.certificates', 'aws.reachable', 'aws.clock'],
  'Long-term keys': ['keys.present', 'keys.alive', 'keys.serial', 'keys.rotation'],
  Session: ['session.state', 'session.alive', 'session.mfa'],
  Asking: ['asking.ways', 'asking.unfit', 'asking.test'],
  Agent: [
    'agent.running',
    'agent.version',
    'agent.profile',
    'service.installed',
    'service.running',
    'service.paths',
    'service.environment',
    'service.display',
  ],
} as const;

type Subject = keyof typeof SUBJECTS;
export type Check = (typeof SUBJECTS)[Subject][number];

/** `warning`: something works less well than it could, or will fail later. `error`: something does not work now. */
export type Level = 'ok' | 'warning' | 'error';

/** The result of one check. It contains no secret, and each text is one line. */
export interface Finding {
  check: Check;
  /** The MFA profile that it is about, if any. */
  profile?: string;
  level: Level;
  /** What cannot work, or cannot be checked, on this machine: no problem, but no success either. `level` is `ok`. */
  isAbsent?: true;
  /** What was found. */
  found: string;
  /** How to fix it: set exactly if `level` is not `ok`. */
  mend?: string;
}

export function ok(check: Check, found: string, profile?: string): Finding {
  return { check, level: 'ok', found, ...(profile !== undefined && { profile }) };
}

export function absent(check: Check, found: string, profile?: string): Finding {
  return { ...ok(check, found, profile), isAbsent: true };
}

export function warning(check: Check, found: string, mend: string, profile?: string): Finding {
  return { check, level: 'warning', found, mend, ...(profile !== undefined && { profile }) };
}

export function error(check: Check, found: string, mend: string, profile?: string): Finding {
  return { check, level: 'error', found, mend, ...(profile !== undefined && { profile }) };
}
