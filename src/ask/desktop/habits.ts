/** How a notification service treats our notification, beyond what it says it can. */
export interface Habits {
  /**
   * It shows no buttons: returns how to open the code field, and how to reach Snooze.
   * @param terminal whether a terminal opens, not a code field
   */
  howTo?(terminal: boolean): string;
  /** It draws the hint `value` as a bar beside the texts (Xfce's shows no text then), and does not alert the user again at each change. */
  drawsBar?: true;
  /** It cuts the title, which says when the session ends. */
  cutsTitle?: true;
}

/** By the names that the services give themselves. docs/asking.md has a line for each service that was tried. */
const HABITS: Record<string, Habits> = {
  dunst: {
    howTo: (terminal) => `${purpose(terminal)}: middle click, or dunstctl action.\nTo snooze: dunstctl context.`,
    drawsBar: true,
  },
  mako: { howTo: (terminal) => `${purpose(terminal)}: click.\nTo snooze: makoctl invoke snooze.`, drawsBar: true },
  'Xfce Notify Daemon': { cutsTitle: true },
};

/** @param name undefined if the service does not say it */
export function habitsOf(name: string | undefined): Habits {
  return HABITS[name ?? ''] ?? {};
}

function purpose(terminal: boolean): string {
  return terminal ? 'To open a terminal' : 'To enter the code';
}
