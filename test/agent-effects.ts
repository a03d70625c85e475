import pino from 'pino';
import type { Agent } from '../src/agent/agent.ts';
import { Clock } from '../src/time/clock.ts';

type AgentEffects = ConstructorParameters<typeof Agent>[1];

/** What an agent needs from the world, in which nothing happens: no desktop, no session in the file, no log. */
export function quietEffects(now: () => number = Date.now): Omit<AgentEffects, 'refresh'> {
  return {
    clock: new Clock({ wall: now, sinceBoot: now, awake: now }),
    readSessions: async () => new Map(),
    save: async () => undefined,
    assume: async () => ({}),
    isAlive: async () => true,
    snoozedUntil: () => undefined,
    rememberSnooze: async () => {},
    isForgotten: () => false,
    rememberForgotten: async () => {},
    forget: async () => ({ removed: [] }),
    rememberExpiry: async () => {},
    watchPresence: async () => ({
      held: () => undefined,
      paused: () => undefined,
      notifies: () => true,
      close: () => {},
    }),
    desktopMark: () => '',
    takeDesktop: async () => {},
    obstacle: () => undefined,
    notice: () => {},
    log: pino({ level: 'silent' }),
  };
}
