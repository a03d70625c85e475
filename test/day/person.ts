import { startNotificationServer } from '../desktop/notification-server.ts';
import { startScreenSaver } from '../presence/buses.ts';
import { until } from '../within.ts';

/** What the person does about a prompt. */
type Reaction =
  /** Types the code after twenty seconds. */
  | 'answers'
  /** Does not see it; what comes next is another reminder. */
  | 'overlooks'
  /** Types a wrong code after twenty seconds. */
  | 'mistypes'
  | 'snoozes';

interface Question {
  id: number;
  title: string;
  /** Why the last code was not taken, if one was typed. */
  problem: string;
  /** It replaces a prompt that is on the screen. */
  isAgain: boolean;
}

/** A person at a desktop that shows notifications, and locks its screen. */
export interface Person {
  present: boolean;
  /** For the questions and reminders to come, one after the other; then always answers. */
  reactions: Reaction[];
  /** What has been shown and was not looked at yet; each is told once. */
  shown(): Question[];
  /** What the results of codes said, one after the other: notifications without buttons. */
  results(): string[];
  /** How many questions have been shown, and taken away, so far. */
  counts(): { shown: number; closed: number };
  /** Resolves when so many have been. */
  becomes(counts: { shown?: number; closed?: number }): Promise<void>;
  types(id: number, code: string): void;
  snoozes(id: number): void;
  comes(): void;
  goes(): void;
  stop(): Promise<void>;
}

/** @param address of the session bus */
export async function startPerson(address: string): Promise<Person> {
  const server = await startNotificationServer({ DBUS_SESSION_BUS_ADDRESS: address }, [
    'actions',
    'body',
    'inline-reply',
  ]);
  const screen = await startScreenSaver(address, 'org.freedesktop.ScreenSaver', true);
  const questions = () => server.shown.filter(({ actions }) => actions.length > 0);
  let seen = 0;
  const turn = (locked: boolean) => {
    person.present = !locked;
    screen.turn(locked);
  };
  const person: Person = {
    present: false,
    reactions: [],
    shown: () => {
      const news = questions().slice(seen);
      seen += news.length;
      return news.map(({ id, replaces, summary, body }) => {
        const [problem = ''] = body.split('\n').slice(0, -1);
        return { id, title: summary, problem, isAgain: replaces !== 0 };
      });
    },
    results: () => {
      const results = server.shown.filter(({ actions }) => actions.length === 0).map(({ body }) => body);
      // Shown first if AWS takes more than a second.
      return results.filter((body) => body !== 'Checking with AWS…');
    },
    counts: () => ({ shown: questions().length, closed: server.closed.length }),
    becomes: async ({ shown = 0, closed = 0 }) => {
      await until(
        `${shown} questions`,
        () => questions().length >= shown,
        () => server.shown,
      );
      await server.closedCount(closed);
    },
    types: (id, code) => server.emit('NotificationReplied', id, code),
    snoozes: (id) => server.emit('ActionInvoked', id, 'snooze'),
    comes: () => turn(false),
    goes: () => turn(true),
    stop: async () => {
      await Promise.all([server.stop(), screen.die()]);
    },
  };
  return person;
}
