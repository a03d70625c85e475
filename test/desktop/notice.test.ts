import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { notice } from '../../src/ask/desktop/notice.ts';
import { needs } from '../needs.ts';
import { type Desktop, startDesktop } from './desktop.ts';
import { startNotificationServer } from './notification-server.ts';

describe('a notice', needs('a desktop'), () => {
  let desktop: Desktop;
  beforeEach(async () => {
    desktop = await startDesktop();
  });
  afterEach(() => desktop.stop());

  const TEXT = '[mfa]: AWS refused `x` "y" $HOME <b>&amp;</b> \\n; enter the next one';

  it('a notice is shown unchanged, whatever is in it, and stays', async () => {
    await desktop.startDunst();
    expect(await notice(TEXT, desktop.environment)).toBe(true);
    await desktop.window('Dunst');
    await desktop.picture('notice');
  });

  it('a notice has its markup escaped only if the service reads markup, and no time limit', async () => {
    const escaped = '[mfa]: AWS refused `x` "y" $HOME &lt;b&gt;&amp;amp;&lt;/b&gt; \\n; enter the next one';
    for (const [capabilities, body] of [
      [['body', 'body-markup'], escaped],
      [['body'], TEXT],
    ] as const) {
      const server = await startNotificationServer(desktop.environment, [...capabilities]);
      expect(await notice(TEXT, desktop.environment)).toBe(true);
      expect(server.shown).toMatchObject([{ summary: 'aws-mfa-agent', body, actions: [], expireTimeout: 0 }]);
      await server.stop();
    }
  });

  it('a notice that cannot be shown does no harm', async () => {
    expect(await notice('nobody reads this', desktop.environment)).toBe(false);
    expect(await notice('nor this', {})).toBe(false);
    await desktop.startDunst();
    expect(await notice('nor\0this', desktop.environment)).toBe(false);
  });
});
