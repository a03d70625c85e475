import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'vitest';
import { startAgent } from '../faketime/agent.ts';
import { needs } from '../needs.ts';
import { startSandbox } from '../sandbox.ts';
import { within } from '../within.ts';

const MINUTE = 60_000;

// Each minute has a limit of its own: an hour of minutes takes long on a busy machine. Most of that is waiting.
describe.concurrent('a long time without STS', { ...needs('faketime'), timeout: 600_000 }, () => {
  it('an outage is reported once, costs one code and few requests, and ends soon after STS answers', async (context) => {
    const { expect } = context;
    const { sandbox, minutes, warnings, codes, isFresh } = await startHour(context);
    sandbox.sts.fault({ kind: 'unavailable' }, Number.POSITIVE_INFINITY);
    await minutes(65);
    expect(warnings()).toEqual([expect.stringMatching(/AWS is busy \(ServiceUnavailable\)/)]);
    expect(sandbox.sts.requests.length).toBeGreaterThan(15);
    expect(sandbox.sts.requests.length).toBeLessThan(60);
    expect(codes()).toHaveLength(1);

    sandbox.sts.clearFaults();
    await minutes(4);
    expect(isFresh()).toBe(true);
    expect(codes()).toHaveLength(2);
  });

  it('an outage in which a proxy answers instead of AWS is handled in the same way', async (context) => {
    const { expect } = context;
    const { sandbox, minutes, warnings, codes, isFresh } = await startHour(context);
    sandbox.sts.fault({ kind: 'empty', status: 407 }, Number.POSITIVE_INFINITY);
    await minutes(25);
    expect(warnings()).toEqual([expect.stringMatching(/HTTP 407 without an AWS error code/)]);
    expect(codes()).toHaveLength(1);
    sandbox.sts.clearFaults();
    await minutes(4);
    expect(isFresh()).toBe(true);
  });

  it('an outage in which connections get no answer is handled in the same way', async (context) => {
    const { expect } = context;
    const { sandbox, way, minutes, warnings, codes, isFresh } = await startHour(context);
    await way.close();
    await minutes(65);
    expect(warnings()).toEqual([expect.stringContaining(`no answer from ${WAY}`)]);
    await way.open();
    await minutes(4);
    expect(isFresh()).toBe(true);
    expect(codes()).toHaveLength(1);
    expect(sandbox.sts.requests.map(({ outcome }) => outcome)).toEqual(['InvalidClientTokenId', 'granted']);
  });
});

/** An agent whose session is due in five minutes, and what became of it. */
async function startHour({ onTestFinished }: TestContext) {
  // A code is a minute old when the agent sends it.
  const sandbox = await startSandbox({ tolerance: 4 });
  onTestFinished(() => sandbox.close());
  const way = await wayTo(Number(new URL(sandbox.sts.url).port));
  onTestFinished(() => way.close());
  const code = join(sandbox.home, 'code');
  writeFileSync(code, '');
  const more = { AWS_ENDPOINT_URL_STS: `http://${WAY}:${way.port}` };
  const begin = Date.parse('2026-11-02T09:00:00Z');
  sandbox.clock.offset = begin - Date.now();
  await sandbox.put(sandbox.sts.issue('alice', 20 * 60));
  const agent = await startAgent(sandbox, begin, `[mfa]\nmfa_process = cat '${code}'\n`, { more });
  onTestFinished(() => agent.stop());

  return {
    sandbox,
    way,
    minutes: async (count: number) => {
      for (let minute = 0; minute < count; minute++) {
        const next = Math.floor(agent.clocks.world() / MINUTE + 1) * MINUTE;
        writeFileSync(code, sandbox.authenticator.code(next));
        await agent.lapse.minute();
      }
      // What was begun is ended before that.
      await agent.lapse.jump({ pass: 1_000 });
    },
    warnings: () =>
      agent.lapse.lines.filter(({ level }) => level === 'warn' || level === 'error').map(({ msg }) => msg),
    codes: () => sandbox.sts.requests.filter(({ tokenCode }) => tokenCode !== undefined),
    isFresh: () => agent.lapse.lines.some(({ msg }) => msg === 'session refreshed'),
  };
}

/** An address of this machine of its own: no connection of another test takes the port while the way is closed. */
const WAY = '127.0.0.2';

/** A way to a port, that can be closed. */
interface Way {
  port: number;
  open(): Promise<void>;
  close(): Promise<void>;
}

async function wayTo(port: number): Promise<Way> {
  const open = new Set<Socket>();
  const server: Server = createServer((from) => {
    const to = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      open.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy()).on('close', () => open.delete(one));
    }
  });
  const listen = async (at: number) => {
    server.listen(at, WAY);
    await once(server, 'listening');
  };
  await listen(0);
  const own = (server.address() as AddressInfo).port;
  return {
    port: own,
    open: () => listen(own),
    close: async () => {
      if (!server.listening) return;
      server.close();
      for (const socket of open) socket.destroy();
      await within('the way is closed', once(server, 'close'));
    },
  };
}
