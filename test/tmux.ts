import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './within.ts';

/** A terminal whose screen can be read: what a person would see. */
export interface ScreenTerminal {
  /** As `tmux send-keys` names them: text, `Enter`, `C-c`. */
  press(...keys: string[]): void;
  /** The lines of the screen, without the blanks at their ends. `-e` keeps the colours. */
  screen(...options: string[]): string;
  /** Resolves as soon as the screen matches. */
  shows(pattern: RegExp): Promise<void>;
  /** A format of tmux(1), such as `#{alternate_on}`. */
  ask(format: string): string;
  resize(columns: number, rows: number): void;
  tmux(...words: string[]): string;
  close(): void;
}

/** Starts a shell in a terminal of tmux. */
export function openTerminal(env: NodeJS.ProcessEnv, size = { columns: 80, rows: 12 }): ScreenTerminal {
  const folder = mkdtempSync(join(tmpdir(), 'aws-mfa-agent-tmux-'));
  const socket = join(folder, 'tmux.sock');
  const tmux = (...words: string[]) =>
    execFileSync('tmux', ['-S', socket, '-f', '/dev/null', ...words], { env, encoding: 'utf8' });
  const shell = 'exec env PS1="$ " HISTFILE= bash --norc --noprofile -i';
  tmux('new-session', '-d', '-x', String(size.columns), '-y', String(size.rows), shell);
  const screen = (...options: string[]) => tmux('capture-pane', '-p', ...options);
  return {
    tmux,
    screen,
    press: (...keys) => void tmux('send-keys', ...keys),
    shows: async (pattern) => {
      await until(`the screen shows ${pattern}`, () => pattern.test(screen()), screen);
    },
    ask: (format) => tmux('display-message', '-p', format).trimEnd(),
    resize: (columns, rows) => void tmux('resize-window', '-x', String(columns), '-y', String(rows)),
    close: () => {
      tmux('kill-server');
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
