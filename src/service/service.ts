import type { Start } from './start.ts';

/** What starts programs for a user: one file a kind, chosen by `serviceOf`. */
export interface Service {
  /** As it is called in sentences. */
  name: string;
  /** The file that tells it about the agent. */
  file: string;
  /** As shipped with this program; has a fault nowhere, and finds the program by PATH. */
  template: URL;
  /** Why it cannot be used here, and what can; undefined when it can. */
  unfit(): Promise<string | undefined>;
  /** The template, filled in. The first that starts is the one to use; each later one does without something. */
  fillIn(template: string, start: Start): Promise<Variant[]>;
  comment(words: string): string;
  /**
   * Has the file in use, now and from now on; returns when the agent runs.
   * @param anew whether an agent that runs already must end for it
   * @returns why this variant cannot work here, where another may
   * @throws UserError when it does not run
   */
  start(anew: boolean): Promise<string | undefined>;
  /** Ends the agent, and the starting of it. */
  stop(): Promise<void>;
  /** To be called when the file is gone. */
  forget(): Promise<void>;
  /** The agent that it runs, if it does. */
  running(): Promise<number | undefined>;
  /** How it is set up now, for whoever looks for what is wrong; only where its file stands. */
  look(): Promise<ServiceSetup>;
  /** How to see, change and end it: a word and a command each. */
  hints: [string, string][];
}

export interface ServiceSetup {
  /** Whether it is started at the next login; undefined when that cannot be known. */
  enabled: boolean | undefined;
  /** Why it does not run, in its own words; undefined when it has said nothing. */
  failure: string | undefined;
  /** Node, the program, and its words. */
  command: string[];
  /** The variables that it adds for the agent. */
  variables: Record<string, string>;
  /** What the agent gets from the session at the screen, beside those; undefined when that cannot be known. */
  session: Record<string, string> | undefined;
}

export interface Variant {
  text: string;
  /** What it does without; told to the person. */
  without?: string;
}
