/** What can be looked at, by subject, in the order in which it is told. The names are part of the JSON: see docs/doctor.md. */
export const SUBJECTS = {
  Settings: ['settings.file', 'settings.mode', 'settings.serial'],
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
  ],
  'AWS config file': ['config.parse', 'config.roles', 'config.profile'],
  Environment: ['environment.keys', 'environment.profile'],
  AWS: ['aws.endpoint', 'aws.proxy', 'aws.certificates', 'aws.reachable', 'aws.clock'],
  'Long-term keys': ['keys.present', 'keys.alive', 'keys.serial'],
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

export type Subject = keyof typeof SUBJECTS;
export type Check = (typeof SUBJECTS)[Subject][number];

/** `warning`: something works less well than it could, or will fail one day. `error`: something does not work now. */
export type Level = 'ok' | 'warning' | 'error';

/** What one check saw. It holds no secret, and each text is one line. */
export interface Finding {
  check: Check;
  /** The profile that it is about, where it is about one. */
  profile?: string;
  level: Level;
  /** What was looked at, and what was seen. */
  found: string;
  /** What to do about it; with every warning and error. */
  mend?: string;
}

/** A finding that needs no mending. */
export function ok(check: Check, found: string, profile?: string): Finding {
  return { check, level: 'ok', found, ...(profile !== undefined && { profile }) };
}

export function warning(check: Check, found: string, mend: string, profile?: string): Finding {
  return { check, level: 'warning', found, mend, ...(profile !== undefined && { profile }) };
}

export function error(check: Check, found: string, mend: string, profile?: string): Finding {
  return { check, level: 'error', found, mend, ...(profile !== undefined && { profile }) };
}
