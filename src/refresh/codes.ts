import { CODE_STEP } from '../ask/time-left.ts';

/** The codes that were sent to AWS in the last minutes. AWS gives the same answer for a used code and for a wrong one. */
export interface CodeMemory {
  /** @param isRefused whether AWS has refused it */
  sent(serialNumber: string, code: string, now: number, isRefused: boolean): void;
  /** Returns the result of a code: `refused` by AWS, or `used`; undefined if it was not sent. */
  fate(serialNumber: string, code: string, now: number): 'refused' | 'used' | undefined;
  /** When a code of this device was last used (milliseconds since the epoch); -Infinity if none is remembered. */
  lastUsed(serialNumber: string, now: number): number;
}

/**
 * How long to remember a code: until AWS cannot accept it any more. If the device later shows the same digits again, AWS
 * accepts them.
 */
const CODE_MEMORY = 3 * CODE_STEP;

/** A code, and when it was sent to AWS, in milliseconds since the epoch. */
export interface SentCode {
  serialNumber: string;
  code: string;
  at: number;
  /** AWS has refused it: it was mistyped, late or used before. Otherwise AWS may have accepted it. */
  isRefused: boolean;
}

/**
 * Remembers codes in memory.
 * @param codes the codes that were sent before; codes that are sent from now on are appended
 */
export function rememberCodes(codes: SentCode[] = []): CodeMemory {
  const recent = (serialNumber: string, now: number) =>
    codes.filter((one) => one.serialNumber === serialNumber && now - one.at < CODE_MEMORY);
  return {
    sent(serialNumber, code, now, isRefused) {
      const old = codes.findIndex(({ at }) => now - at < CODE_MEMORY);
      codes.splice(0, old < 0 ? codes.length : old);
      codes.push({ serialNumber, code, at: now, isRefused });
    },
    fate: (serialNumber, code, now) => {
      const sent = recent(serialNumber, now).findLast((one) => one.code === code);
      return sent && (sent.isRefused ? 'refused' : 'used');
    },
    lastUsed: (serialNumber, now) => {
      const used = recent(serialNumber, now).filter(({ isRefused }) => !isRefused);
      return Math.max(...used.map(({ at }) => at), Number.NEGATIVE_INFINITY);
    },
  };
}
