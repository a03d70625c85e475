/** Reasons of a profile's standing, for `status` and the log. */
export const CODES_REFUSED = 'AWS refused the codes';
export const HOLDS_LONG_TERM = 'it holds long-term keys';

export function cannotAskHere(reason: string): string {
  return `cannot ask here: ${reason}`;
}
