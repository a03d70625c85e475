import type { ProfileStatus } from '../agent/kept-profile.ts';
import type { AgentReport } from '../control/messages.ts';
import { shellWord } from '../plain.ts';
import { standingText } from '../policy/standing.ts';
import type { ProfileSettings } from '../settings/settings.ts';
import { error, type Finding, ok, warning } from './finding.ts';

/** The answer to `GET /v1/agent`; undefined if no agent is running; or why a running agent does not answer. */
export type AgentSeen = AgentReport | { problem: string } | undefined;

export const INSTALL = 'aws-mfa-agent install';

/** The remedy where no service manager can start the agent. */
export const START_AT_LOGIN = 'start "aws-mfa-agent run" at login; see docs/service.md';

/**
 * Checks the running agent, however it was started.
 * @param version of this program
 * @param profiles the MFA profiles of the settings
 * @param restart how the service manager restarts the agent; undefined if there is none
 * @param start how it starts the agent, also of a new version
 */
export function agentFindings(
  agent: AgentSeen,
  version: string,
  profiles: readonly Pick<ProfileSettings, 'profile'>[],
  now: number,
  restart: string | undefined,
  start = INSTALL,
): Finding[] {
  const hasService = restart !== undefined;
  if (agent === undefined) {
    const found = 'no agent is running, so you will not be asked before a session ends';
    return [warning('agent.running', found, hasService ? start : START_AT_LOGIN)];
  }
  if ('problem' in agent) {
    const otherwise = 'kill the agent and start it again';
    return [error('agent.running', agent.problem, hasService ? `${restart}; or ${otherwise}` : otherwise)];
  }
  const same = agent.version === version;
  return [
    ok('agent.running', `an agent is running (process ${agent.pid})`),
    same
      ? ok('agent.version', `the agent has the version of this program, ${version}`)
      : warning(
          'agent.version',
          `the agent has version ${agent.version}, but this program is version ${version}`,
          hasService ? `${start} (it starts the new version)` : `kill ${agent.pid}, and start the agent again`,
        ),
    ...profiles.map(({ profile }) => profileFinding(profile, agent.profiles, now, hasService ? start : undefined)),
  ];
}

function profileFinding(
  profile: string,
  known: readonly ProfileStatus[],
  now: number,
  start: string | undefined,
): Finding {
  const check = 'agent.profile';
  const one = known.find((status) => status.profile === profile);
  if (!one) {
    const found = `the running agent does not have [${profile}]: it was started with other settings`;
    const otherwise = 'start the agent with the same --config and variables';
    return error(check, found, start ? `${start}; or ${otherwise}` : otherwise, profile);
  }
  const text = `[${profile}]: ${standingText(one.state, one.standing, now)}`;
  const asksNow = warning(check, text, `aws-mfa-agent refresh ${shellWord(profile)} (it asks now)`, profile);
  switch (one.standing.standing) {
    case 'stopped':
    case 'unsaved':
      return error(check, text, `fix that, then run: aws-mfa-agent refresh ${shellWord(profile)}`, profile);
    case 'needs-source':
      return isForgotten(one, known) ? ok(check, text, profile) : asksNow;
    case 'waiting':
    case 'unanswered':
      return asksNow;
    case 'fresh':
    case 'asking':
    case 'snoozed':
    case 'forgotten':
    case 'quiet':
    case 'held':
    case 'queued':
    case 'verifying':
    case 'assuming':
      return ok(check, text, profile);
  }
}

/** Returns whether the user has removed the session of a profile, or the one that it waits for, with `forget`. */
function isForgotten({ standing }: ProfileStatus, known: readonly ProfileStatus[]): boolean {
  if (standing.standing !== 'needs-source') return standing.standing === 'forgotten';
  const source = known.find(({ profile }) => profile === standing.source);
  return source !== undefined && isForgotten(source, known);
}
