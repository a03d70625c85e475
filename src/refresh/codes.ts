import { CODE_STEP } from '../ask/time-left.ts';

/** The codes that were sent to AWS in the last minutes. AWS gives one answer for a used code and for a wrong one. */
export interface CodeMemory {
  sent(serialNumber: string, code: string, now: number): void;
  wasSent(serialNumber: string, code: string, now: number): boolean;
  /** When a code of this device was last sent (milliseconds since the epoch); -Infinity when none is remembered. */
  lastSent(serialNumber: string, now: number): number;
}

/** A code comes around again by chance; AWS takes it then. It cannot while it may still live. */
const CODE_MEMORY = 3 * CODE_STEP;

/** A code, and when it was sent to AWS, in milliseconds since the epoch. */
export interface SentCode {
  serialNumber: string;
  code: string;
  at: number;
}

/**
 * Remembers codes in memory.
 * @param codes the codes that were sent before; codes that are sent from now on are appended
 */
export function rememberCodes(codes: SentCode[] = []): CodeMemory {
  const recent = (serialNumber: string, now: number) =>
    codes.filter((one) => one.serialNumber === serialNumber && now - one.at < CODE_MEMORY);
  return {
    sent(serialNumber, code, now) {
      const old = codes.findIndex(({ at }) => now - at < CODE_MEMORY);
      codes.splice(0, old < 0 ? codes.length : old);
      codes.push({ serialNumber, code, at: now });
    },
    lastSent: (serialNumber, now) =>
      Math.max(...recent(serialNumber, now).map(({ at }) => at), Number.NEGATIVE_INFINITY),
    wasSent: (serialNumber, code, now) => recent(serialNumber, now).some((one) => one.code === code),
  };
}
