import type { ProfileStatus } from '../agent/kept-profile.ts';
import type { AgentReport } from '../control/messages.ts';
import { standingText } from '../policy/standing.ts';
import type { ProfileSettings } from '../settings/settings.ts';
import { error, type Finding, ok, warning } from './finding.ts';

/** The answer to `GET /v1/agent`; undefined if no agent is running; or why a running agent does not answer. */
export type AgentSeen = AgentReport | { problem: string } | undefined;

export const INSTALL = 'aws-mfa-agent install';

/**
 * Checks the running agent, however it was started.
 * @param version of this program
 * @param profiles the MFA profiles of the settings
 */
export function agentFindings(
  agent: AgentSeen,
  version: string,
  profiles: readonly Pick<ProfileSettings, 'profile'>[],
  now: number,
): Finding[] {
  if (agent === undefined) {
    return [warning('agent.running', 'no agent is running, so you will not be asked before a session ends', INSTALL)];
  }
  if ('problem' in agent) {
    return [
      error(
        'agent.running',
        agent.problem,
        'systemctl --user restart aws-mfa-agent; or kill the agent and start it again',
      ),
    ];
  }
  const same = agent.version === version;
  return [
    ok('agent.running', `an agent is running (process ${agent.pid})`),
    same
      ? ok('agent.version', `the agent has the version of this program, ${version}`)
      : warning(
          'agent.version',
          `the agent has version ${agent.version}, but this program is version ${version}`,
          `${INSTALL} (it starts the new version)`,
        ),
    ...profiles.map(({ profile }) => profileFinding(profile, agent.profiles, now)),
  ];
}

function profileFinding(profile: string, known: readonly ProfileStatus[], now: number): Finding {
  const check = 'agent.profile';
  const one = known.find((status) => status.profile === profile);
  if (!one) {
    const found = `the running agent does not have [${profile}]: it was started with other settings`;
    return error(check, found, `${INSTALL}; or start the agent with the same --config and variables`, profile);
  }
  const text = `[${profile}]: ${standingText(one.state, one.standing, now)}`;
  switch (one.standing.standing) {
    case 'stopped':
    case 'unsaved':
      return error(check, text, `fix that, then run: aws-mfa-agent refresh ${profile}`, profile);
    case 'waiting':
    case 'unanswered':
      return warning(check, text, `aws-mfa-agent refresh ${profile} (it asks now)`, profile);
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
