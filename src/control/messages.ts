import type { Snoozed } from '../agent/agent.ts';
import type { ProfileStatus } from '../agent/kept-profile.ts';
import type { Forgotten } from '../refresh/forget.ts';

/**
 * The calls of the agent's socket, by method and path, and their answers: see docs/socket.md. The members of `query` follow
 * the `?` of the path. Durations are texts such as `30m`. An agent that keeps another file than `credentials` refuses.
 */
export interface Messages {
  'GET /v1/agent': { query: { after?: number; wait?: string }; answer: AgentReport };
  'POST /v1/check': { query: Record<string, never>; answer: { profiles: ProfileStatus[] } };
  'POST /v1/refresh': {
    query: { profile: string; credentials?: string; timeout?: string; person?: 'yes' | 'no' };
    answer: ProfileStatus;
  };
  'POST /v1/snooze': { query: { duration: string; profile?: string | undefined }; answer: Snoozed };
  'POST /v1/forget': { query: { profile: string; credentials?: string }; answer: Forgotten };
}

export type Call = keyof Messages;

/** What the agent reports about itself and its profiles. */
export interface AgentReport {
  pid: number;
  version: string;
  /** Changes whenever the standing of a profile changes; missing in agents before 0.2. */
  revision?: number;
  profiles: ProfileStatus[];
}
