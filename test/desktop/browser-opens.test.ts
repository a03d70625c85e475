import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browser } from '../../src/ask/browser/browser.ts';
import { needs } from '../needs.ts';
import { answered, asking, request } from './asking.ts';
import { CHROMIUM_OPTIONS } from './chromium.ts';
import { type Desktop, startDesktop } from './desktop.ts';

describe('the page on a desktop', needs('a desktop', 'chromium', 'xdg-open'), () => {
  let desktop: Desktop;
  beforeAll(async () => {
    desktop = await startDesktop();
  });
  afterAll(() => desktop.stop());

  /** Makes a script the browser that this desktop's person has chosen. */
  const choose = async (script: string) => {
    const { HOME: home = '' } = desktop.environment;
    const applications = join(home, '.local', 'share', 'applications');
    await mkdir(applications, { recursive: true });
    await mkdir(join(home, '.config'), { recursive: true });
    await writeFile(join(home, 'browser'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const entry = `[Desktop Entry]\nType=Application\nName=Browser\nExec=${join(home, 'browser')} %u\n`;
    await writeFile(join(applications, 'chosen.desktop'), entry);
    const chosen = '[Default Applications]\nx-scheme-handler/http=chosen.desktop\n';
    await writeFile(join(home, '.config', 'mimeapps.list'), chosen);
  };

  it("the page opens in the user's browser, and reads the code there", async () => {
    const options = [...CHROMIUM_OPTIONS, '--user-data-dir="$HOME/chromium"', '--window-size=900,700'].join(' ');
    await choose(`echo $$ > "$HOME/pid"\nexec chromium ${options} "$1"`);
    const way = browser({ environment: desktop.environment, platform: 'linux' });
    expect(await way.unfit()).toBeUndefined();
    const question = asking();
    const answer = way.ask(request(), question);
    const window = await desktop.window('AWS MFA code');
    await desktop.tool('xdotool', 'windowfocus', '--sync', window.id);
    await desktop.picture('browser-on-desktop');
    await desktop.typeInPage(window, () => '123456', answer);
    expect(await answered(answer, desktop.seen)).toEqual({ kind: 'code', code: '123456' });
    await desktop.tool('sh', '-c', 'kill $(cat "$HOME/pid")');
    await desktop.noWindow('AWS MFA code');
  });

  it('the page is unavailable when the browser cannot be started', async () => {
    await choose('exit 1');
    const answer = await browser({ environment: desktop.environment, platform: 'linux' }).ask(request(), asking());
    expect(answer).toEqual({ kind: 'unavailable', reason: expect.stringMatching(/^xdg-open ended with exit status/) });
  });
});
