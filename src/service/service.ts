import type { Start } from './start.ts';

/** A service manager of the user: one file each, chosen by `serviceOf`. */
export interface Service {
  /** Its name in messages. */
  name: string;
  /** The service file of the agent. */
  file: string;
  /** Whether an empty file, or a link to /dev/null, only keeps the service manager from using another file of this name. */
  emptyIsMask?: true;
  /** The text of the template shipped with the package: valid as it is, finds the program via `PATH`. */
  template: string;
  /** Whether the desktops here show the name and icon of a desktop entry with notifications. */
  desktopEntry: boolean;
  /** Returns why it cannot be used here and what to do instead, or undefined if it can. */
  unfit(): Promise<string | undefined>;
  /** Whether the file can be removed where the service manager cannot be reached or fails: nothing else is left behind. */
  isRemovedAnyway?: true;
  /** Returns which other service starts the agent, if one does. */
  rival(): Promise<Rival | undefined>;
  /** Fills in the template. The first variant that starts is used; each later one has fewer restrictions. */
  fillIn(start: Start): Promise<Variant[]>;
  /** Turns a text into a comment of the service file. */
  comment(text: string): string;
  /**
   * Enables the service and starts the agent, or restarts it. Resolves when the agent runs.
   * @param answering returns the process ID of the agent that answers on the socket, if one does
   * @returns why this variant cannot work here, if another may
   * @throws UserError when it does not run
   */
  start(answering: () => Promise<number | undefined>): Promise<string | undefined>;
  /** Disables the service and stops the agent. */
  stop(): Promise<void>;
  /** Cleans up after the file was removed. */
  forget(): Promise<void>;
  /** Returns the process ID of the agent that it runs, if it does. */
  running(): Promise<number | undefined>;
  /** Returns how it is set up, for doctor. Only call it if the service file exists. */
  look(): Promise<ServiceSetup>;
  /** How to see, change and remove it: a word and a command each. */
  hints: [string, string][];
  /** What the user should know when it is installed. */
  notes?: string[];
  /** What to do, for doctor. */
  remedies: Remedies;
}

/** Another service that starts the agent. */
export interface Rival {
  /** A sentence that names it, without a full stop. */
  found: string;
  /** Whether `install` takes its place. */
  isReplaced: boolean;
  /** The commands that stop it for good, and start it again. */
  stop: string;
  restart: string;
}

export interface Remedies {
  /** If it will not start at the next login. */
  enable: string;
  /** If the agent does not answer. */
  restart: string;
  /** If it does not have the proxy of the shell. */
  proxy: string;
}

export interface ServiceSetup {
  /** Whether it starts at the next login; undefined if unknown. */
  enabled: boolean | undefined;
  /** Why it does not run, as the service manager says; undefined without a failure. */
  failure: string | undefined;
  /** Node, the program, and its arguments. */
  command: string[];
  /** The variables that the service file sets. */
  variables: Record<string, string>;
  /** The variables that the agent gets from the graphical session; undefined if unknown. */
  session: Record<string, string> | undefined;
}

export interface Variant {
  text: string;
  /** What it lacks: one line for the user. */
  without?: string;
}
