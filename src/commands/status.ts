import { homedir } from 'node:os';
import type { ProfileStatus } from '../agent.ts';
import { loadSettings } from '../config.ts';
import { askAgent } from '../control.ts';
import { formatDuration } from '../duration.ts';
import * as messages from '../messages.ts';
import type { GlobalOptions } from '../program.ts';
import { aged, endOf, stateAt } from '../session.ts';
import { readSessions } from './effects.ts';
import { chosenProfiles } from './held-session.ts';

interface StatusOptions extends GlobalOptions {
  json?: boolean;
}

/** What `GET /v1/agent` answers. */
interface AgentAnswer {
  pid: number;
  version: string;
  profiles: ProfileStatus[];
}

/** Prints the state of the profiles; exit status 3 when a profile was named and is not fresh. */
export async function status(names: string[], options: StatusOptions): Promise<void> {
  const settings = await loadSettings({ env: process.env, home: homedir(), configFile: options.config });
  const shown = chosenProfiles(names, settings);
  const [sessions, agent] = await Promise.all([
    readSessions(
      settings.files,
      shown.map(({ profile }) => profile),
    ),
    // A stuck agent must not hide what the file says.
    askAgent<AgentAnswer>(settings.files.runtime, 'GET /v1/agent').catch(() => undefined),
  ]);
  const now = Date.now();
  const rows = shown.map((one) => {
    const { profile } = one;
    const session = aged(sessions.get(profile) ?? { kind: 'none' }, one);
    const expiration = endOf(session);
    const standing = agent?.profiles.find((one) => one.profile === profile)?.standing;
    return { profile, state: stateAt(session, now, settings.promptBefore), expiration, standing };
  });

  process.stdout.write(options.json ? json(rows, agent, now) : table(rows, agent, now));
  if (names.length > 0 && rows.some(({ state }) => state !== 'fresh')) process.exitCode = 3;
}

type Row = Pick<ProfileStatus, 'profile' | 'state'> & {
  expiration: number | undefined;
  standing: ProfileStatus['standing'] | undefined;
};

function json(rows: Row[], agent: AgentAnswer | undefined, now: number): string {
  const profiles = rows.map(({ profile, state, expiration, standing }) => ({
    profile,
    state,
    expiration: expiration === undefined ? null : new Date(expiration).toISOString(),
    seconds_left: expiration === undefined ? null : Math.floor((expiration - now) / 1000),
    agent: standing ?? null,
  }));
  const running = agent ? { pid: agent.pid, version: agent.version } : null;
  return `${JSON.stringify({ agent: running, profiles }, null, 2)}\n`;
}

function table(rows: Row[], agent: AgentAnswer | undefined, now: number): string {
  const cells = [
    ['PROFILE', 'STATE', 'LEFT', 'ENDS', 'AGENT'],
    ...rows.map(({ profile, state, expiration, standing }) => [
      profile,
      state,
      expiration === undefined ? '-' : formatDuration(expiration - now),
      expiration === undefined ? '-' : messages.localTime(expiration, now),
      agent ? (standing ? messages.standing(state, standing, now) : '-') : 'not running',
    ]),
  ];
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))) ?? [];
  return cells
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
