import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeDesktopEnvironment } from '../../src/service/desktop-environment.ts';

/** As a desktop sets them for all its programs. */
const OF_DESKTOP = {
  DISPLAY: ':1',
  GDK_SCALE: '2',
  GDK_DPI_SCALE: '0.5',
  GTK_THEME: 'Adwaita:dark',
  QT_SCALE_FACTOR: '2',
  QT_QPA_PLATFORMTHEME: 'qt5ct',
  GTK_IM_MODULE: 'ibus',
  QT_IM_MODULE: 'ibus',
  XMODIFIERS: '@im=ibus',
  LANG: 'ja_JP.UTF-8',
  LC_TIME: 'de_DE.UTF-8',
};

describe('the environment of the service', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'systemctl-'));
    const told = JSON.stringify({ ...OF_DESKTOP, PATH: '/usr/bin', AWS_PROFILE: 'other', HOME: '/elsewhere' });
    const script = `#!/bin/sh\n[ "$*" = "--user show-environment --output=json" ] && printf '%s' '${told}'\n`;
    writeFileSync(join(folder, 'systemctl'), script, { mode: 0o755 });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("the environment of the service gets the desktop's scale, theme, input method and language, and nothing else", async () => {
    const environment = { PATH: folder, INVOCATION_ID: 'x', HOME: '/home/alice', LANG: 'C', DISPLAY: ':0' };
    await takeDesktopEnvironment(environment);
    expect(environment).toEqual({
      INVOCATION_ID: 'x',
      HOME: '/home/alice',
      ...OF_DESKTOP,
      PATH: `${folder}:/usr/bin`,
    });
  });

  it('the environment of an agent that systemd did not start stays as it is', async () => {
    const environment = { PATH: folder, LANG: 'C' };
    await takeDesktopEnvironment(environment);
    expect(environment).toEqual({ PATH: folder, LANG: 'C' });
  });
});
