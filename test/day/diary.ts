type Who = 'agent' | 'person' | 'world';

/** What happened, and when, in the time of the world. */
export interface Diary {
  /** @param wall what the clock of the machine shows then */
  note(at: number, wall: number, who: Who, what: string): void;
  /** All that one has done. */
  of(who: Who): { at: number; what: string }[];
  /** One line each. */
  table(): string;
}

const local = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'Europe/Berlin',
  weekday: 'short',
  hour: '2-digit',
  minute: '2-digit',
  timeZoneName: 'short',
});

/** `Sat 08:00 CEST`, in Berlin. */
export function localTime(at: number): string {
  const parts = Object.fromEntries(local.formatToParts(at).map(({ type, value }) => [type, value]));
  return `${parts.weekday} ${parts.hour}:${parts.minute} ${parts.timeZoneName}`;
}

export function keepDiary(): Diary {
  const notes: { at: number; wall: number; who: Who; what: string }[] = [];
  return {
    note: (at, wall, who, what) => void notes.push({ at, wall, who, what }),
    of: (who) => notes.filter((one) => one.who === who),
    table: () =>
      notes
        .map(({ at, wall, who, what }) => {
          const shows = Math.abs(wall - at) > 60_000 ? ` (the clock shows ${localTime(wall).slice(4, 9)})` : '';
          return `${localTime(at).padEnd(14)}  ${who.padEnd(6)}  ${what}${shows}\n`;
        })
        .join(''),
  };
}
