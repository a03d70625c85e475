import type { WriteStream } from 'node:tty';

/** A full-screen display of some lines in the terminal. */
export interface StatusScreen {
  /** Replaces the lines on the screen. Omits what does not fit. */
  show(lines: readonly string[]): void;
  /** Calls the listener when the size of the terminal has changed, or when this process is back in the foreground. */
  onRedraw(listener: () => void): void;
}

/** Escape sequences of xterm, which other terminals understand or ignore: XTerm Control Sequences. */
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const [BEGIN, END] = ['\x1b[?2026h\x1b[H', '\x1b[J\x1b[?2026l'];
const CLEAR_LINE = '\x1b[K';

/**
 * Switches to the terminal's alternate screen. When the program ends, by any signal, the normal screen is as before. Lines
 * are overwritten in place, so nothing flickers.
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
      // The listener is gone, so the signal now ends the process, as its sender expects.
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
