import type { Snoozed } from '../agent/agent.ts';
import type { ProfileStatus } from '../agent/kept-profile.ts';

/**
 * What a client can ask of the agent, by method and path, and what the agent answers: see docs/socket.md. The members of
 * `query` come after the `?` of the path. Durations are texts, as in `30m`.
 */
export interface Messages {
  'GET /v1/agent': { query: { after?: number; wait?: string }; answer: AgentReport };
  'POST /v1/check': { query: Record<string, never>; answer: { profiles: ProfileStatus[] } };
  'POST /v1/refresh': { query: { profile: string; timeout?: string; person?: 'yes' | 'no' }; answer: ProfileStatus };
  'POST /v1/snooze': { query: { duration: string; profile?: string | undefined }; answer: Snoozed };
}

export type Call = keyof Messages;

/** What the agent says of itself and its profiles. */
export interface AgentReport {
  pid: number;
  version: string;
  /** Changes whenever the standing of a profile changes; missing in agents before 0.2. */
  revision?: number;
  profiles: ProfileStatus[];
}
