import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { notice } from '../../src/ask/notice.ts';
import { type Desktop, missingPrograms, startDesktop } from './desktop.ts';

describe.skipIf(missingPrograms().length > 0)('a notice', () => {
  let desktop: Desktop;
  const before = { ...process.env };
  beforeEach(async () => {
    desktop = await startDesktop();
    // It is shown by notify-send, which takes our own environment.
    Object.assign(process.env, desktop.environment);
  });
  afterEach(async () => {
    process.env = { ...before };
    await desktop.stop();
  });

  it('is shown as it is, whatever is in it, and stays', async () => {
    await desktop.startDunst();
    expect(await notice('[mfa]: AWS refused `x` "y" $HOME <b>&amp;</b> \\n; enter the next one')).toBe(true);
    await desktop.window('Dunst');
    await desktop.picture('notice');
  });

  it('that cannot be shown does no harm', async () => {
    expect(await notice('nobody reads this')).toBe(false);
    expect(await notice('nor\0this')).toBe(false);
  });
});
