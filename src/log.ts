import { type Logger, pino } from 'pino';

/**
 * The agent's log, on standard error: JSON lines with one field for each fact, or one readable line each on a terminal.
 * No transport: its worker thread costs more memory than the rest of the agent. Synchronous, so that nothing is lost at exit.
 */
export function createLog(options: { debug: boolean; terminal: boolean }): Logger {
  const level = options.debug ? 'debug' : 'info';
  const destination = pino.destination({ dest: 2, sync: true });
  // The terminal or the journal is gone: no reason to end.
  destination.on('error', () => {});
  const base = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (!options.terminal) return pino({ ...base, formatters: { level: (label) => ({ level: label }) } }, destination);
  return pino(base, { write: (line: string) => void destination.write(readable(JSON.parse(line))) });
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
  return `${clock} ${mark}${subject}${msg}${error}${known.length > 0 ? ` (${known.join(', ')})` : ''}\n`;
}
