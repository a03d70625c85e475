/** Options that every command takes. */
export interface GlobalOptions {
  config?: string;
  debug?: boolean;
}

/** The shells that `completion` supports. */
export const COMPLETED_SHELLS = ['bash', 'zsh', 'fish'] as const;
export type CompletedShell = (typeof COMPLETED_SHELLS)[number];

/** What `keys` can do with long-term keys. */
export const KEY_ACTIONS = ['list', 'store', 'restore', 'rotate'] as const;
export type KeyAction = (typeof KEY_ACTIONS)[number];
