import { createInterface, type Interface } from 'node:readline';
import type { ReadStream, WriteStream } from 'node:tty';

/** What the demo shows and reads: one line after the other. */
export interface DemoScreen {
  paint: Record<'bold' | 'dim' | 'green' | 'yellow', (text: string) => string>;
  print(text: string): void;
  /** Prints a line now, and again whenever its text changes; undefined: not any more. */
  keep(line: (() => string) | undefined): void;
  /** Shows a prompt, after which the next line will be typed. */
  prompt(text: string): void;
  /** Returns the next line that the user types, or undefined at the end of the input. */
  typed(): Promise<string | undefined>;
  /** Ends reading. Nothing is shown from then on. */
  close(): void;
}

/** How often to look whether a kept line has changed, in milliseconds. */
const LOOK_EVERY = 200;

export function openScreen(input: ReadStream, output: WriteStream): DemoScreen {
  let kept: (() => string) | undefined;
  let shown: string | undefined;
  /** The prompt at the end of the output. */
  let open: string | undefined;
  let closed = false;
  let reader: Interface | undefined;
  let lines: NodeJS.AsyncIterator<string> | undefined;

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
    if (!kept || shown === kept()) return;
    const asked = open;
    shown = kept();
    print(shown);
    if (asked !== undefined) prompt(asked);
  };
  const timer = setInterval(look, LOOK_EVERY);

  return {
    paint: palette(output),
    print,
    prompt,
    keep: (line) => {
      kept = line;
      shown = undefined;
      look();
    },
    typed: async () => {
      reader ??= createInterface({ input, terminal: false });
      lines ??= reader[Symbol.asyncIterator]();
      const { value: line } = await lines.next();
      // On a terminal, the terminal shows what is typed, and Return ends the line of the prompt.
      if (input.isTTY) open = undefined;
      else if (line !== undefined && !closed) output.write(line);
      return line;
    },
    close: () => {
      if (open !== undefined) output.write('\n');
      closed = true;
      clearInterval(timer);
      reader?.close();
    },
  };
}

/** `hasColors` respects NO_COLOR and knows what each terminal can do. */
function palette(output: WriteStream): DemoScreen['paint'] {
  const isColoured = output.isTTY === true && output.hasColors();
  const paint = (on: number, off: number) => (text: string) => (isColoured ? `\x1b[${on}m${text}\x1b[${off}m` : text);
  return { bold: paint(1, 22), dim: paint(2, 22), green: paint(32, 39), yellow: paint(33, 39) };
}
