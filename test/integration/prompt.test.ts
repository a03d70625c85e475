import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withSession } from '../../src/credentials/edit.ts';
import { needs } from '../needs.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { openTerminal, type ScreenTerminal } from '../tmux.ts';

const page = await readFile(new URL('../../docs/prompt.md', import.meta.url), 'utf8');

/** The block of code that follows these words. */
function blockAfter(words: string): string {
  const block = /```\w+\n([\s\S]*?)```/.exec(page.slice(page.indexOf(words)))?.[1];
  if (!page.includes(words) || block === undefined) throw new Error(`docs/prompt.md has no block after ${words}`);
  return block;
}

let sandbox: Sandbox;
let env: Record<string, string>;

beforeEach(async () => {
  sandbox = await startSandbox();
  const bin = join(sandbox.home, '.local', 'bin');
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, 'aws-mfa-left'), blockAfter('`aws-mfa-left`, in a folder'));
  await chmod(join(bin, 'aws-mfa-left'), 0o755);
  env = { ...sandbox.env, PATH: `${bin}:${sandbox.env.PATH}`, LC_ALL: 'C.UTF-8' };
});
afterEach(() => sandbox.close());

/** Puts a session of so many seconds into [mfa], beside another profile with an expiration. */
async function put(seconds: number): Promise<void> {
  const before = await readFile(sandbox.credentialsFile);
  const bytes = withSession(before, 'mfa', sandbox.sts.issue('alice', seconds));
  await writeFile(sandbox.credentialsFile, withSession(bytes, 'mfa-other', sandbox.sts.issue('alice', 99_000)));
}

/** Seconds, and what is shown for them. */
const TIMES: [number, string][] = [
  [-60, 'over'],
  [90, '1m'],
  [42 * 60 + 30, '42m'],
  [90 * 60 + 30, '90m'],
  [11 * 3600 + 60, '11h'],
];

describe('the script for bars', () => {
  const left = (...words: string[]) => spawnSync('aws-mfa-left', words, { env, encoding: 'utf8' }).stdout;

  it.each(TIMES)('the script for bars shows for %i seconds: %s', async (seconds, text) => {
    await put(seconds);
    expect(left()).toBe(`mfa ${text}\n`);
  });

  it('the script for bars shows nothing without a session or a file', () => {
    expect(left('mfa')).toBe('');
    env.AWS_SHARED_CREDENTIALS_FILE = '/nowhere';
    expect(left('mfa')).toBe('');
  });

  it('the script for bars prints JSON for waybar', async () => {
    await put(600);
    expect(JSON.parse(left('mfa', 'waybar'))).toMatchObject({
      text: expect.stringMatching(/^mfa (9|10)m$/),
      class: 'due',
    });
    await put(7200);
    expect(JSON.parse(left('mfa', 'waybar'))).toMatchObject({ class: 'fresh' });
    await put(-1);
    expect(JSON.parse(left('mfa', 'waybar'))).toMatchObject({ text: 'mfa over', class: 'expired' });
  });

  it('the script for bars counts leap years correctly', async () => {
    // The day after the 28th of February, a year with a 29th, the end of a year: by the clock of date(1).
    for (const day of ['2027-03-01', '2028-02-29', '2028-12-31', '2031-01-01']) {
      await writeFile(sandbox.credentialsFile, `[mfa]\nexpiration = ${day}T12:34:56Z\n`);
      const text = () => `mfa ${Math.floor((Date.parse(`${day}T12:34:56Z`) - Date.now()) / 3_600_000)}h\n`;
      const [before, shown, after] = [text(), left(), text()];
      expect([before, after]).toContain(shown);
    }
  });
});

describe('the script in a prompt', needs('tmux'), () => {
  let terminal: ScreenTerminal;
  beforeEach(() => {
    terminal = openTerminal(env);
  });
  afterEach(() => terminal.close());

  async function everyTime(): Promise<void> {
    for (const [seconds, text] of TIMES) {
      await put(seconds);
      terminal.press('clear', 'Enter');
      await terminal.shows(new RegExp(`^mfa ${text} \\S*[$%#] *\\n*$`));
    }
    await writeFile(sandbox.credentialsFile, '[default]\n');
    terminal.press('clear', 'Enter');
    await terminal.shows(/^[^\n]*[$%#] *\n*$/);
    expect(terminal.screen()).not.toContain('mfa');
  }

  it('the prompt of bash shows the output of the script', async () => {
    await writeFile(join(sandbox.home, '.bashrc'), blockAfter('In `~/.bashrc`'));
    terminal.press('. ~/.bashrc', 'Enter');
    await everyTime();
  });

  it('the prompt of zsh shows the output of the script', needs('tmux', 'zsh'), async () => {
    await writeFile(join(sandbox.home, '.zshrc'), `PROMPT='%# '\n${blockAfter('In `~/.zshrc`')}`);
    terminal.press('exec zsh -o NO_GLOBAL_RCS', 'Enter');
    await everyTime();
  });

  it('the prompt of fish shows the output of the script', needs('tmux', 'fish'), async () => {
    const folder = join(env.XDG_CONFIG_HOME ?? '', 'fish');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'config.fish'), blockAfter('In `~/.config/fish/config.fish`'));
    await put(42 * 60 + 30);
    terminal.press('exec fish', 'Enter');
    await terminal.shows(/[>#] +mfa 42m$/m);
  });

  it('the status line of tmux shows the output of the script', async () => {
    await put(42 * 60 + 30);
    await writeFile(join(sandbox.home, '.tmux.conf'), blockAfter('In `~/.tmux.conf`'));
    terminal.press(`TMUX= tmux -S ${join(sandbox.home, 'inner.sock')}`, 'Enter');
    await terminal.shows(/ mfa 42m \d\d:\d\d\s*$/);
    terminal.press(`tmux -S ${join(sandbox.home, 'inner.sock')} kill-server`, 'Enter');
    await terminal.shows(/\[exited\]|\[server exited\]/);
  });
});
