/** What a profile of the credentials file says. */
export interface ProfileSection {
  name: string;
  /** By lower-case key; the last one counts. Keys and instants come without the `# note` behind them. */
  values: ReadonlyMap<string, string>;
  /** The lines below the header as they stand, comments and all, without line ends. */
  lines: readonly string[];
}

/** One `key = value` of an INI file, and its line, from 1. */
export interface Entry {
  key: string;
  value: string;
  line: number;
}

export type Entries = ReadonlyMap<string, Entry>;
