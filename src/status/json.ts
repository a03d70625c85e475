import type { Standing } from '../policy/standing.ts';
import { utcTime } from '../time/instant.ts';
import type { Knowledge, Row } from './rows.ts';

/** The object that `--json` prints: docs/status.md promises its members. */
export function statusJson({ agent }: Knowledge, rows: readonly Row[], now: number): unknown {
  return {
    agent: agent ? { pid: agent.pid, version: agent.version } : null,
    profiles: rows.map(({ profile, state, expiration, end, standing }) => ({
      profile,
      state,
      expiration: instant(expiration),
      ends: instant(end),
      seconds_left: end === undefined ? null : Math.floor((end - now) / 1000),
      agent: standing ? standingJson(standing) : null,
    })),
  };
}

function instant(milliseconds: number | undefined): string | null {
  return milliseconds === undefined ? null : utcTime(milliseconds);
}

/** With times as texts, like everywhere in this JSON. */
function standingJson(standing: Standing): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(standing).map(([key, value]) => [key, typeof value === 'number' ? instant(value) : value]),
  );
}
