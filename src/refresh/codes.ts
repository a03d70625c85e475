import { createHmac, randomBytes } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CODE_STEP } from '../ask/time-left.ts';
import { type Lock, lockFile } from '../files/lock.ts';
import { makeFolder } from '../files/make-folder.ts';
import { readIfPresent } from '../files/read.ts';

/**
 * The codes that this user's processes have sent to AWS in the last minutes. AWS gives the same answer for a used code and for
 * a wrong one. All times are milliseconds since the epoch.
 */
export interface CodeMemory {
  /** Returns the result of a code: `refused` by AWS, or `used`; undefined if it was not sent. */
  fate(serialNumber: string, code: string, now: number): 'refused' | 'used' | undefined;
  /** Remembers that a code is about to be sent. @returns false if it was sent before */
  claim(serialNumber: string, code: string, now: number): Promise<boolean>;
  /** Remembers that AWS has refused a code: it was mistyped, late or used before. Otherwise AWS may have accepted it. */
  refused(serialNumber: string, code: string, now: number): Promise<void>;
  /** Forgets a code that certainly did not reach AWS. */
  unsent(serialNumber: string, code: string, now: number): Promise<void>;
  /** When a code of this device was last used; -Infinity if none is remembered. */
  lastUsed(serialNumber: string, now: number): number;
}

/**
 * How long to remember a code: until AWS cannot accept it any more. If the device later shows the same digits again, AWS
 * accepts them.
 */
const CODE_MEMORY = 3 * CODE_STEP;

interface Remembered {
  /** Random; the file contains only hashes made with it. */
  key: string;
  sent: SentCode[];
}

interface SentCode {
  device: string;
  code: string;
  /** When it was sent to AWS, by the machine's clock. */
  at: number;
  isRefused: boolean;
}

/**
 * Remembers codes in a file that all processes of this user share, or in memory if the file cannot be written.
 * @param folder the folder for state; undefined: in memory
 * @param clock how far AWS's clock, which the caller uses, is ahead of the machine's
 */
export function rememberCodes(folder?: string, clock: { offset: number } = { offset: 0 }): CodeMemory {
  let file = folder === undefined ? undefined : join(folder, 'codes.json');
  let memory: Remembered = { key: randomBytes(32).toString('base64'), sent: [] };

  /** Returns what is remembered now, and a function that hashes. */
  function recall(now: number) {
    memory = (file === undefined ? undefined : readRemembered(file)) ?? memory;
    const { key, sent } = memory;
    return {
      // A time ahead of the clock is of a clock that was set back.
      recent: sent.filter(({ at }) => Math.abs(now - clock.offset - at) < CODE_MEMORY),
      hash: (...texts: string[]) => createHmac('sha256', key).update(texts.join('\n')).digest('base64'),
    };
  }

  /** @param change returns what to remember of a code; `found` is what is remembered of it */
  async function change(
    [serialNumber, code]: [string, string],
    now: number,
    change: (found: SentCode | undefined, fresh: SentCode) => SentCode | undefined,
  ): Promise<void> {
    const lock = file === undefined ? undefined : await lockFor(file);
    if (!lock) file = undefined;
    try {
      const { recent, hash } = recall(now);
      const fresh = {
        ...{ device: hash(serialNumber), code: hash(serialNumber, code), at: now - clock.offset },
        isRefused: false,
      };
      const found = recent.find((one) => one.code === fresh.code);
      const changed = change(found, fresh);
      memory = { ...memory, sent: [...recent.filter((one) => one !== found), ...(changed ? [changed] : [])] };
      if (file !== undefined) writeRemembered(file, memory);
    } finally {
      await lock?.release();
    }
  }

  return {
    fate: (serialNumber, code, now) => {
      const { recent, hash } = recall(now);
      const sent = recent.find((one) => one.code === hash(serialNumber, code));
      return sent && (sent.isRefused ? 'refused' : 'used');
    },
    claim: async (serialNumber, code, now) => {
      let isFirst = false;
      await change([serialNumber, code], now, (found, fresh) => {
        isFirst = !found;
        return found ?? fresh;
      });
      return isFirst;
    },
    refused: (serialNumber, code, now) =>
      change([serialNumber, code], now, (_, fresh) => ({ ...fresh, isRefused: true })),
    unsent: (serialNumber, code, now) => change([serialNumber, code], now, () => undefined),
    lastUsed: (serialNumber, now) => {
      const { recent, hash } = recall(now);
      const used = recent.filter(({ device, isRefused }) => device === hash(serialNumber) && !isRefused);
      return Math.max(...used.map(({ at }) => at + clock.offset), Number.NEGATIVE_INFINITY);
    },
  };
}

/** How long to wait for another process that changes the file, in milliseconds. It only takes a moment. */
const PATIENCE = 2_000;

/** @returns undefined if the file cannot be locked: it only saves a request that AWS would refuse */
async function lockFor(file: string): Promise<Lock | undefined> {
  try {
    makeFolder(join(file, '..'));
    return await lockFile(file, PATIENCE);
  } catch {
    return undefined;
  }
}

function readRemembered(file: string): Remembered | undefined {
  try {
    const { key, sent } = JSON.parse(readIfPresent(file)?.toString('utf8') ?? '');
    return typeof key === 'string' && Array.isArray(sent) ? { key, sent } : undefined;
  } catch {
    return undefined;
  }
}

/** Not fsynced: after a crash of the machine, the codes are too old to matter. */
function writeRemembered(file: string, memory: Remembered): void {
  try {
    const next = `${file}.${process.pid}`;
    writeFileSync(next, JSON.stringify(memory), { mode: 0o600 });
    renameSync(next, file);
  } catch {
    // The codes are remembered in memory.
  }
}
