/** How a notification service treats our notification, beyond what it says it can. */
export interface Habits {
  /**
   * It shows no buttons: returns how to open the code field, and how to reach Snooze.
   * @param terminal whether a terminal opens, not a code field
   */
  howTo?(terminal: boolean): string;
  /** It draws the hint `value` as a bar, and does not alert the user again when only that changes. */
  drawsBar?: true;
}

/** By the names that the services give themselves. docs/asking.md has a line for each service that was tried. */
const HABITS: Record<string, Habits> = {
  dunst: {
    howTo: (terminal) => `${purpose(terminal)}: middle click, or dunstctl action. To snooze: dunstctl context.`,
    drawsBar: true,
  },
  mako: { howTo: (terminal) => `${purpose(terminal)}: click. To snooze: makoctl invoke snooze.`, drawsBar: true },
  'Xfce Notify Daemon': { drawsBar: true },
};

/** @param service its name and version; undefined if it does not say them */
export function habitsOf(service: string | undefined): Habits {
  return HABITS[service?.replace(/ \S+$/, '') ?? ''] ?? {};
}

function purpose(terminal: boolean): string {
  return terminal ? 'To open a terminal' : 'To enter the code';
}
