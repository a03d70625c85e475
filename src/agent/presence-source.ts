export type PresenceFinding =
  /** The source is absent, or does not answer. */
  | 'unknown'
  /** The user is not logged in, as far as the source knows. */
  | 'no session'
  | 'here'
  | { away: string };

export type TellPresence = (finding: PresenceFinding, woke?: boolean) => void;

/** Reports what it finds until it cannot any more; then it settles. */
export type PresenceSource = (environment: NodeJS.ProcessEnv, signal: AbortSignal, tell: TellPresence) => Promise<void>;
