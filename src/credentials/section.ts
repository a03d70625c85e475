/** A profile of the credentials file. */
export interface ProfileSection {
  name: string;
  /** By lower-case key; the last one counts. Keys and expirations have no `# note` after them. */
  values: ReadonlyMap<string, string>;
  /** The lines below the header, including comments, without line ends. */
  lines: readonly string[];
}

/** One `key = value` of an INI file, and its line number, from 1. */
export interface Entry {
  key: string;
  value: string;
  line: number;
  /** The file that has the line, where several files are read as one. */
  file?: string;
}

export type Entries = ReadonlyMap<string, Entry>;
