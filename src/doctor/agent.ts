import type { ProfileStatus } from '../agent/kept-profile.ts';
import type { AgentReport } from '../control/messages.ts';
import { standingText } from '../policy/standing.ts';
import { error, type Finding, ok, warning } from './finding.ts';

/** What `GET /v1/agent` answers; undefined when no agent runs; or why one that runs does not answer. */
export type AgentSeen = AgentReport | { problem: string } | undefined;

export const INSTALL = 'aws-mfa-agent install';

/**
 * The agent that runs, whoever started it.
 * @param version of this program
 * @param profiles those of the settings
 */
export function agentFindings(agent: AgentSeen, version: string, profiles: readonly string[], now: number): Finding[] {
  if (agent === undefined) {
    return [warning('agent.running', 'no agent runs: nobody asks before a session ends', INSTALL)];
  }
  if ('problem' in agent) {
    return [
      error('agent.running', agent.problem, 'systemctl --user restart aws-mfa-agent, or end it and start it again'),
    ];
  }
  const same = agent.version === version;
  return [
    ok('agent.running', `an agent runs (process ${agent.pid})`),
    same
      ? ok('agent.version', `it is of version ${version}, as this program is`)
      : warning(
          'agent.version',
          `it is of version ${agent.version}, and this program of ${version}`,
          `${INSTALL} starts the new one`,
        ),
    ...profiles.map((profile) => profileFinding(profile, agent.profiles, now)),
  ];
}

function profileFinding(profile: string, known: readonly ProfileStatus[], now: number): Finding {
  const check = 'agent.profile';
  const one = known.find((status) => status.profile === profile);
  if (!one) {
    const found = `the agent does not know [${profile}]: it was started with other settings`;
    return error(check, found, `${INSTALL}, or start it with the same --config and variables`, profile);
  }
  const text = `[${profile}]: ${standingText(one.state, one.standing, now)}`;
  switch (one.standing.standing) {
    case 'stopped':
    case 'unsaved':
      return error(check, text, `mend that; then aws-mfa-agent refresh ${profile}`, profile);
    case 'waiting':
    case 'unanswered':
      return warning(check, text, `aws-mfa-agent refresh ${profile} asks now`, profile);
    case 'fresh':
    case 'asking':
    case 'snoozed':
    case 'quiet':
    case 'held':
    case 'queued':
    case 'verifying':
      return ok(check, text, profile);
  }
}
