import { fstatSync } from 'node:fs';
import { type Logger, pino } from 'pino';
import { plain, plainJson } from '../plain.ts';
import { utcTime } from '../time/instant.ts';

/**
 * The agent's log on standard error: JSON lines with one field for each fact, or one readable line for each entry on a
 * terminal. For systemd's journal, each line starts with its priority and has no time: the journal adds its own. It uses no
 * pino transport, whose worker thread needs more memory than the rest of the agent. It writes synchronously, so that
 * nothing is lost at exit.
 */
export function createLog(options: { debug: boolean; terminal: boolean; journal: boolean }): Logger {
  const level = options.debug ? 'debug' : 'info';
  const destination = pino.destination({ dest: 2, sync: true });
  // The terminal or the journal is gone. That must not end the agent.
  destination.on('error', () => {});
  if (options.journal) {
    const journal = {
      [Symbol.for('pino.metadata')]: true,
      lastLevel: 0,
      write(line: string) {
        destination.write(`<${priority(this.lastLevel)}>${plainJson(line)}`);
      },
    };
    return pino({ level, base: null, timestamp: false, formatters: BY_NAME }, journal);
  }
  const base = { level, base: null, timestamp: () => `,"time":"${utcTime(Date.now())}"` };
  if (!options.terminal) {
    return pino({ ...base, formatters: BY_NAME }, { write: (line: string) => void destination.write(plainJson(line)) });
  }
  return pino(base, { write: (line: string) => void destination.write(`${plain(readable(JSON.parse(line)))}\n`) });
}

const BY_NAME = { level: (label: string) => ({ level: label }) };

/**
 * Returns whether standard error is the journal.
 * @param stream `JOURNAL_STREAM`: systemd.exec(5)
 */
export function isJournal(stream: string | undefined): boolean {
  if (!stream) return false;
  const { dev, ino } = fstatSync(2, { bigint: true });
  return stream === `${dev}:${ino}`;
}

/** The priority of syslog for each level of pino: sd-daemon(3). */
function priority(level: number): number {
  if (level >= 60) return 2;
  if (level >= 50) return 3;
  if (level >= 40) return 4;
  return level >= 30 ? 6 : 7;
}

/** `09:12:03 [mfa] session refreshed (expiration 2026-01-01T21:12:03.000Z)` */
function readable({ time, msg, profile, level, err, ...facts }: Record<string, unknown>): string {
  const clock = new Date(String(time)).toLocaleTimeString(undefined, { hour12: false });
  const known = Object.entries(facts).map(
    ([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`,
  );
  const error = err ? `: ${(err as { message: string }).message}` : '';
  const mark = Number(level) >= 40 ? 'warning: ' : '';
  const subject = profile === undefined ? '' : `[${profile}] `;
  return `${clock} ${mark}${subject}${msg}${error}${known.length > 0 ? ` (${known.join(', ')})` : ''}`;
}
