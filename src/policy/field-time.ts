/** How long a code field that the user has opened is left alone, in milliseconds: typing a code takes less. */
export const FIELD_TIME = 120_000;
