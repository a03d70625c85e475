import { join } from 'node:path';
import { readIfPresent } from '../files/read.ts';
import type { Rotation } from './rotation.ts';

/** What is remembered about the key of a source profile: no secrets. Times are milliseconds since the epoch. */
export interface KeyMemory {
  /** A rotation that is not finished. */
  rotation?: Rotation;
  /** The age of a key. `createdAt` is missing if AWS did not say it; `offeredAt`: when its rotation was last offered. */
  age?: { accessKeyId: string; askedAt: number; createdAt?: number; offeredAt?: number };
}

/** The memory of one source profile, in a file in the state folder. */
export interface RotationJournal {
  read(): KeyMemory;
  /**
   * Changes the memory durably: when this resolves, it survives a power failure.
   * @throws UserError if the file cannot be written
   */
  change(change: (memory: KeyMemory) => KeyMemory): Promise<void>;
}

/**
 * Opens the journal of a source profile. It is not part of `state.json`, which may be lost: that only saves a prompt.
 * @param files the state folder; and the credentials file, since there may be several with a profile of this name
 */
export function rotationJournal(
  { state, credentials }: { state: string; credentials: string },
  source: string,
): RotationJournal {
  const file = join(state, 'rotations.json');
  return {
    read: () => parse(readIfPresent(file)?.toString('utf8') ?? '')[credentials]?.[source] ?? {},
    change: async (change) => {
      const { changeCredentials } = await import('../files/replace.ts');
      await changeCredentials(file, (bytes) => {
        const all = parse(bytes.toString('utf8'));
        const ofFile = { ...all[credentials], [source]: change(all[credentials]?.[source] ?? {}) };
        return Buffer.from(`${JSON.stringify({ ...all, [credentials]: ofFile }, null, 2)}\n`);
      });
    },
  };
}

type Memories = Record<string, Record<string, KeyMemory>>;

function parse(text: string): Memories {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Memories) : {};
  } catch {
    return {};
  }
}
