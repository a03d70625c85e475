import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { built } from '../built.ts';
import { request } from '../desktop/asking.ts';
import { needs } from '../needs.ts';

/** Starts the service, waits until a browser was started, stops the service, and looks whether that lives on. */
const SCENE = `
  mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system /run/systemd/journal /run/log/journal && mkdir -m 700 /run/own
  /lib/systemd/systemd-journald 2>/dev/null & journal=$!
  until test -S /run/systemd/journal/socket; do sleep 0.05; done
  export XDG_RUNTIME_DIR=/run/own DBUS_SESSION_BUS_ADDRESS=unix:path=/run/own/bus
  bus=$(dbus-daemon --session --address=$DBUS_SESSION_BUS_ADDRESS --fork --print-pid)
  /lib/systemd/systemd --user --log-target=journal >/dev/null 2>&1 & manager=$!
  until systemctl --user is-system-running 2>/dev/null | grep -qE 'running|degraded'; do sleep 0.1; done
  systemctl --user start asking.service
  until test -s "$HOME/browser"; do sleep 0.1; done
  systemctl --user stop asking.service
  kill -0 "$(cat "$HOME/browser")" && echo lives > "$HOME/after"
  kill "$(cat "$HOME/browser")"
  kill $manager; wait $manager; kill "$bus"
  journalctl --sync && journalctl --directory=/run/log/journal --output=export > "$HOME/journal"
  kill $journal; wait $journal
`;

describe('a browser opened by the service', needs('a user manager', 'systemd-run', 'journalctl'), () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'service-'));
  });
  afterEach(() => rm(home, { recursive: true, force: true, maxRetries: 5 }));

  it('a browser opened by the service stays when the service stops, has its desktop, and leaves no link in the journal', async () => {
    const units = join(home, '.config', 'systemd', 'user');
    await mkdir(units, { recursive: true });
    await writeFile(
      join(home, 'agent.mjs'),
      `import { browser } from '${built('ask/browser/browser.ts')}';
       const { signal } = new AbortController();
       await browser().ask(${JSON.stringify(request())}, { signal, onChange() {} });`,
    );
    // As the real one on a bare desktop, where it becomes the browser.
    const opener = [
      ...['#!/bin/sh', 'echo a browser writes a lot', `echo "$DISPLAY $1" > ${home}/seen`, `echo $$ > ${home}/browser`],
      'while :; do sleep 0.1; echo and never ends; done',
    ].join('\n');
    await writeFile(join(home, 'xdg-open'), opener, { mode: 0o755 });
    const unit = [
      '[Service]',
      'Type=exec',
      `ExecStart=${process.execPath} ${home}/agent.mjs`,
      `Environment=DISPLAY=:7 PATH=${home}:/usr/bin:/bin`,
    ];
    await writeFile(join(units, 'asking.service'), `${unit.join('\n')}\n`);

    const environment = { PATH: process.env.PATH, HOME: home };
    await promisify(execFile)('unshare', ['-m', 'bash', '-c', SCENE], { env: environment, timeout: 50_000 });
    expect(await readFile(join(home, 'seen'), 'utf8')).toMatch(/^:7 http:\/\/127\.0\.0\.1:\d+\/[\w-]+\n$/);
    await expect(access(join(home, 'after'))).resolves.toBeUndefined();
    const journal = await readFile(join(home, 'journal'), 'latin1');
    expect(journal).toMatch(/Started run-.* - aws-mfa-agent opens its page in the browser\./);
    expect(journal).not.toContain('http://127.0.0.1');
  });
});
