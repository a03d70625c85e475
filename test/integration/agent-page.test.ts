import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startNotificationServer } from '../desktop/notification-server.ts';
import { needs } from '../needs.ts';
import { startBus } from '../presence/buses.ts';
import { type Running, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { within } from '../within.ts';

let sandbox: Sandbox;
let agent: Running;
beforeEach(async () => {
  sandbox = await startSandbox({ tolerance: 9 });
  const folder = join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'config.ini'), 'check = * * * * * *\nprompt = browser\n');
  agent = start(['run'], sandbox.env);
});
afterEach(async () => {
  agent.child.kill('SIGTERM');
  await agent.ended;
  await sandbox.close();
});

interface View {
  state: string;
  round: number;
  problem: string;
  message: string;
}

/** What the page is told, one after the other, until it hears no more. */
async function* news(page: string): AsyncGenerator<View> {
  const { body } = await fetch(`${page}/news`);
  let rest = '';
  for await (const chunk of (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    const events = (rest + chunk).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) yield JSON.parse(event.replace(/^data: /, ''));
  }
}

it('the page of the agent accepts another code when AWS refuses one, and shows the result', async () => {
  await agent.says(/enter the code at http:\S+/);
  const page = (await fetch(/http:[^"\s]+/.exec(agent.output())?.[0] ?? '')).url;
  const post = (round: number, code: string) =>
    fetch(page, { method: 'POST', body: new URLSearchParams({ round: String(round), code }) });
  const seen: View[] = [];
  const answering = async () => {
    for await (const view of news(page)) {
      const last = seen.at(-1);
      seen.push(view);
      if (view.state !== 'asking' || view.round === last?.round) continue;
      void post(view.round, view.round === 1 ? sandbox.wrongCode() : sandbox.code());
    }
  };
  await within('the end of the news', answering(), () => ({ seen, agent: agent.output() }));
  expect(seen.find(({ round, state }) => round === 2 && state === 'asking')?.problem).toMatch(/^AWS refused that code/);
  expect(seen.at(-1)).toMatchObject({ state: 'over', message: expect.stringMatching(/^\[mfa\] is fresh until /) });
  await agent.says(/session refreshed/);
});

it('the result is a notification if the page was closed before the answer', needs('Linux', 'dbus-daemon'), async () => {
  const bus = await startBus();
  const server = await startNotificationServer({ DBUS_SESSION_BUS_ADDRESS: bus.address }, ['body']);
  agent.child.kill('SIGTERM');
  await agent.ended;
  agent = start(['run'], { ...sandbox.env, DBUS_SESSION_BUS_ADDRESS: bus.address });
  try {
    const answer = sandbox.hold();
    await agent.says(/enter the code at http:\S+/);
    const page = (await fetch(/http:[^"\s]+/.exec(agent.output())?.[0] ?? '')).url;
    const tab = new AbortController();
    await fetch(`${page}/news`, { signal: tab.signal });
    await fetch(page, { method: 'POST', body: new URLSearchParams({ round: '1', code: sandbox.code() }) });
    tab.abort();
    expect((await server.nth(1)).body).toBe('Checking with AWS…');
    answer();
    expect((await server.nth(2)).body).toMatch(/^\[mfa\] is fresh until /);
  } finally {
    await server.stop();
    await bus.stop();
  }
});
