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

/** A setting as the user wrote it, and its place. */
export interface Written {
  key: string;
  value: string;
  /** `FILE:LINE`, or `environment`. */
  place: string;
}

/** The settings of a profile in AWS's two files that say where requests to AWS go. */
export interface AwsSettings {
  of(key: string): Written | undefined;
  /**
   * Returns a setting for one service, from the section `[services NAME]` that the profile's setting `services` names.
   * @throws UserError (`usage`) if there is no such section
   * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
   */
  ofService(service: string, key: string): Written | undefined;
}
