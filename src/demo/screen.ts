import { clearLine, clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from 'node:readline';
import type { ReadStream, WriteStream } from 'node:tty';
import { deferred } from '../time/deferred.ts';

/** What the demo shows and reads. */
export interface DemoScreen {
  paint: Record<'bold' | 'dim' | 'green' | 'yellow', (text: string) => string>;
  print(text: string): void;
  /** Keeps a line current below all that is printed, and above what is being typed; undefined: no more. */
  keep(line: KeptLine | undefined): void;
  /** Shows a prompt at the bottom, for the next line to be typed behind it. */
  prompt(text: string): void;
  /** The next line that the person types, or undefined when there will be none. */
  typed(): Promise<string | undefined>;
  /** Leaves the terminal as it was. Nothing is shown from then on. */
  close(): void;
}

/** A line that changes by itself, a countdown for one; shorter than the narrowest terminal. */
interface KeptLine {
  text(): string;
  /** Where no line can be kept current, it is printed again whenever this is another. */
  occasion(): string;
}

/** Columns in which every kept line fits. */
const NARROWEST = 48;
/** Milliseconds between two looks whether the kept line has changed. */
const LOOK_EVERY = 200;

/**
 * A screen that redraws its last lines where the terminal can do that, else one that writes line after line.
 * @param interactive whether anything will be typed
 */
export function openScreen(input: ReadStream, output: WriteStream, interactive: boolean): DemoScreen {
  const paint = palette(output);
  const isMovable = output.isTTY === true && output.columns >= NARROWEST && process.env.TERM !== 'dumb';
  const isLive = isMovable && (input.isTTY === true || !interactive);
  return isLive ? liveScreen(input, output, paint) : plainScreen(input, output, paint);
}

/** `hasColors` knows `NO_COLOR`, and what each terminal can do. */
function palette(output: WriteStream): DemoScreen['paint'] {
  const isColoured = output.isTTY === true && output.hasColors();
  const paint = (on: number, off: number) => (text: string) => (isColoured ? `\x1b[${on}m${text}\x1b[${off}m` : text);
  return { bold: paint(1, 22), dim: paint(2, 22), green: paint(32, 39), yellow: paint(33, 39) };
}

/** For a terminal: below what is printed for good stand the kept line and, while the person is asked, what they type. */
function liveScreen(input: ReadStream, output: WriteStream, paint: DemoScreen['paint']): DemoScreen {
  const typed = lineQueue();
  let kept: KeptLine | undefined;
  /** The kept line as it stands on the screen. */
  let shown: string | undefined;
  let asked: { prompt: string; reader: Interface } | undefined;
  let reader: Interface | undefined;
  let closed = false;

  /** How many lines the cursor stands below the first one that is not there for good. */
  const depth = () => (asked ? asked.reader.getCursorPos().rows + (kept ? 1 : 0) : 0);
  const erase = (rows: number) => {
    moveCursor(output, 0, -rows);
    cursorTo(output, 0);
    clearScreenDown(output);
  };
  const draw = () => {
    shown = kept?.text();
    if (shown !== undefined) output.write(asked ? `${shown}\n` : shown);
    asked?.reader.setPrompt(asked.prompt);
    asked?.reader.prompt(true);
  };
  const look = () => {
    const text = kept?.text();
    if (text === undefined || text === shown) return;
    shown = text;
    // What is being typed stays, and so does the cursor in it: ESC 7 keeps its place, ESC 8 goes back there.
    if (asked) output.write('\x1b7');
    moveCursor(output, 0, -depth());
    cursorTo(output, 0);
    output.write(text);
    clearLine(output, 1);
    if (asked) output.write('\x1b8');
  };
  const timer = setInterval(look, LOOK_EVERY);
  const onLine = (line: string) => {
    if (!asked) return;
    // What was typed stays where it is, the kept line goes below it.
    const { prompt } = asked;
    const rows = Math.floor((prompt.length + line.length) / output.columns) + 1;
    erase(rows + (kept ? 1 : 0));
    asked = undefined;
    output.write(`${prompt}${line}\n`);
    draw();
    typed.add(line);
  };
  const read = () => {
    const made = createInterface({ input, output, terminal: true, historySize: 0 });
    made.on('line', onLine);
    let isGone = false;
    made.on('error', () => {
      // The terminal was closed. Its signal may come later than this.
      isGone = true;
      process.kill(process.pid, 'SIGHUP');
    });
    made.on('close', () => {
      if (!isGone) typed.end();
    });
    // While lines are edited, Ctrl-C is a key like others.
    made.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    return made;
  };
  const changing = (change: () => void) => {
    if (closed) return;
    erase(depth());
    change();
    draw();
  };

  return {
    paint,
    print: (text) => changing(() => output.write(`${text}\n`)),
    keep: (line) =>
      changing(() => {
        kept = line;
      }),
    prompt: (text) =>
      changing(() => {
        reader ??= read();
        asked = { prompt: text, reader };
      }),
    typed: typed.next,
    close: () => {
      if (closed) return;
      erase(depth());
      closed = true;
      clearInterval(timer);
      reader?.close();
    },
  };
}

/** For everything else: one line after the other. */
function plainScreen(input: ReadStream, output: WriteStream, paint: DemoScreen['paint']): DemoScreen {
  const typed = lineQueue();
  let kept: KeptLine | undefined;
  let occasion: string | undefined;
  /** The prompt that stands at the end of the output. */
  let open: string | undefined;
  let closed = false;
  let stopReading: (() => void) | undefined;

  const print = (text: string) => {
    if (closed) return;
    output.write(open === undefined ? `${text}\n` : `\n${text}\n`);
    open = undefined;
  };
  const prompt = (text: string) => {
    if (closed) return;
    output.write(text);
    open = text;
  };
  const look = () => {
    if (!kept || occasion === kept.occasion()) return;
    occasion = kept.occasion();
    const standing = open;
    print(kept.text());
    if (standing !== undefined) prompt(standing);
  };
  const timer = setInterval(look, LOOK_EVERY);
  const read = () => {
    const reader = createInterface({ input, terminal: false });
    reader.on('line', (line) => {
      // The Enter key has ended the prompt's line on a terminal.
      if (input.isTTY) open = undefined;
      typed.add(line);
    });
    reader.on('close', typed.end);
    return () => reader.close();
  };

  return {
    paint,
    print,
    prompt,
    keep: (line) => {
      kept = line;
      occasion = undefined;
      look();
    },
    typed: async () => {
      stopReading ??= read();
      const line = await typed.next();
      // A terminal shows by itself what is typed.
      if (!input.isTTY && line !== undefined && !closed) output.write(line);
      return line;
    },
    close: () => {
      if (open !== undefined) output.write('\n');
      closed = true;
      clearInterval(timer);
      stopReading?.();
    },
  };
}

/** Lines that come when they come, taken one after the other. */
function lineQueue() {
  const lines: string[] = [];
  let ended = false;
  let news = deferred();
  return {
    add: (line: string) => {
      lines.push(line);
      news.resolve();
    },
    /** No line will come any more. */
    end: () => {
      ended = true;
      news.resolve();
    },
    /** @returns undefined after the last one */
    next: async (): Promise<string | undefined> => {
      if (lines.length === 0 && !ended) {
        news = deferred();
        await news.promise;
      }
      return lines.shift();
    },
  };
}
