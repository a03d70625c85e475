import type { WriteStream } from 'node:tty';

/** A terminal that shows some lines and nothing else. */
export interface StatusScreen {
  /** Shows these lines in place of those before; what does not fit is left out. */
  show(lines: readonly string[]): void;
  /** Has the listener called when the terminal has another size, or is ours again. */
  onRedraw(listener: () => void): void;
}

/** Escape sequences of xterm, which others understand or pass over: XTerm Control Sequences. */
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const [BEGIN, END] = ['\x1b[?2026h\x1b[H', '\x1b[J\x1b[?2026l'];
const CLEAR_LINE = '\x1b[K';

/**
 * Takes the terminal's second screen, so that the first one is as it was when the program ends, by whatever signal. Lines are
 * written over in place: nothing flickers.
 */
export function openScreen(terminal: WriteStream): StatusScreen {
  let isOpen = false;
  const enter = () => {
    if (!isOpen) terminal.write(ENTER);
    isOpen = true;
  };
  const leave = () => {
    if (isOpen) terminal.write(LEAVE);
    isOpen = false;
  };
  let redraw = () => {};

  process.once('exit', leave);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      leave();
      // Nobody listens any more: it ends as who sent it expects.
      process.kill(process.pid, signal);
    });
  }
  process.on('SIGTSTP', () => {
    leave();
    process.kill(process.pid, 'SIGSTOP');
  });
  process.on('SIGCONT', () => {
    enter();
    redraw();
  });
  terminal.on('resize', () => redraw());

  enter();
  return {
    show: (lines) => {
      const shown = lines.slice(0, terminal.rows || undefined).map((line) => `${line}${CLEAR_LINE}`);
      terminal.write(`${BEGIN}${shown.join('\r\n')}${END}`);
    },
    onRedraw: (listener) => {
      redraw = listener;
    },
  };
}
