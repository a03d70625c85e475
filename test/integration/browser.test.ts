import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Answer, CodeResult, Way } from '../../src/ask/ask.ts';
import { browser } from '../../src/ask/browser/browser.ts';
import { createAsk } from '../../src/ask/choose.ts';
import { standAlone } from '../../src/ask/stand-alone.ts';
import { deferred } from '../../src/time/deferred.ts';
import { localTime } from '../../src/time/local-time.ts';
import { built } from '../built.ts';
import { answered, asking, expiredRequest, request, SNOOZED, STALE_SNOOZE } from '../desktop/asking.ts';
import { needs } from '../needs.ts';
import { holds, within } from '../within.ts';

interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

interface Call {
  method?: string;
  headers?: OutgoingHttpHeaders;
  body?: string | Readable;
}

/** One request over a connection of its own. Rejects when the connection is cut. */
function call(link: string | URL, { method = 'GET', headers = {}, body }: Call = {}): Promise<Reply> {
  const reply = new Promise<Reply>((resolve, reject) => {
    const outgoing = httpRequest(link, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
      response.once('error', reject);
    });
    outgoing.on('error', reject);
    if (body instanceof Readable) body.pipe(outgoing);
    else outgoing.end(body);
  });
  return within(`a reply to ${method} ${link}`, reply);
}

describe('the page for the browser', () => {
  let question: ReturnType<typeof asking>;
  let way: Way;
  let link: URL;
  let answer: Promise<Answer>;

  /** What the page's own form sends. */
  const form = (code: string, headers: OutgoingHttpHeaders = {}, round = 1): Call => ({
    method: 'POST',
    headers: { 'Sec-Fetch-Site': 'same-origin', Origin: link.origin, ...headers },
    body: `code=${code}&round=${round}`,
  });
  /** Follows the link as the person's browser does, and is at the page. */
  const enter = async (): Promise<URL> => {
    const { status, headers } = await call(link);
    expect(status).toBe(303);
    return new URL(headers.location ?? '', link);
  };
  const isPending = async () => (await Promise.race([answer, Promise.resolve('pending')])) === 'pending';

  beforeEach(async () => {
    question = asking();
    const told = new Promise<string>((resolve) => {
      way = browser({ environment: { PATH: '' }, platform: 'linux', named: true, tell: resolve });
    });
    answer = way.ask(request(), question);
    const line = await within('the link', told);
    expect(line).toMatch(/^AWS session \[mfa\] ends at [0-9:]+: enter the code at http:\S+$/);
    link = new URL(/http:\S+$/.exec(line)?.[0] ?? '');
  });
  afterEach(() => question.withdraw());

  it('the page has a link that cannot be guessed, works once and leads to another', async () => {
    expect(link.pathname).toMatch(/^\/[\w-]{32}$/);
    const page = await enter();
    expect(page.pathname).toMatch(/^\/[\w-]{32}$/);
    expect(page.pathname).not.toBe(link.pathname);
    expect(await call(link)).toMatchObject({ status: 404 });
    expect((await call(page)).body).toContain('MFA code of alice in account 123456789012');
    expect((await call(page)).status).toBe(200);
  });

  it('the page accepts a code only from its own form, not from another site', async () => {
    const page = await enter();
    for (const headers of [
      { Origin: 'http://evil.example', 'Sec-Fetch-Site': 'cross-site' },
      { Origin: 'http://evil.example' },
      { Origin: 'http://127.0.0.1:1', 'Sec-Fetch-Site': 'same-site' },
      { Origin: 'null', 'Sec-Fetch-Site': 'cross-site' },
      { Origin: 'http://evil.example', 'Sec-Fetch-Site': 'same-origin' },
      { Origin: link.origin, 'Sec-Fetch-Site': 'none' },
    ]) {
      expect(await call(page, form('666666', headers))).toMatchObject({ status: 403, body: '' });
    }
    const { 'Sec-Fetch-Site': _, ...old } = form('666666').headers as OutgoingHttpHeaders;
    expect((await call(page, { ...form('666666'), headers: { ...old, Origin: 'null' } })).status).toBe(403);
    expect(await isPending()).toBe(true);

    expect((await call(page, form('123456'))).status).toBe(303);
    expect(await answered(answer)).toEqual({ kind: 'code', code: '123456' });
  });

  it('the page answers only under its two host names, whatever a name server says', async () => {
    for (const host of ['evil.example', `evil.example:${link.port}`, '127.0.0.1', '127.0.0.1:1']) {
      expect((await call(link, { headers: { Host: host } })).status).toBe(404);
    }
    const page = await enter();
    const elsewhere = { Host: `rebound.example:${link.port}`, Origin: `http://rebound.example:${link.port}` };
    expect((await call(page, { headers: elsewhere })).status).toBe(404);
    expect((await call(page, form('666666', elsewhere))).status).toBe(404);
    expect(await isPending()).toBe(true);
    const local = { Host: `localhost:${link.port}`, Origin: `http://localhost:${link.port}` };
    expect((await call(page, { headers: local })).status).toBe(200);
    expect((await call(page, form('123456', local))).status).toBe(303);
    expect(await answered(answer)).toMatchObject({ code: '123456' });
  });

  it('the page answers every wrong path alike, and refuses other methods', async () => {
    const nothing = await call(new URL('/', link));
    expect(nothing.status).toBe(404);
    const { pathname } = link;
    for (const guess of [
      pathname.slice(0, -1),
      `${pathname}x`,
      `${pathname}?x`,
      `/${'A'.repeat(32)}`,
      '/favicon.ico',
    ]) {
      const { status, body } = await call(new URL(guess, link));
      expect({ status, body }).toEqual({ status: 404, body: nothing.body });
    }
    for (const method of ['HEAD', 'POST', 'OPTIONS']) expect((await call(link, { method })).status).toBe(404);
    const page = await enter();
    for (const method of ['PUT', 'DELETE', 'OPTIONS']) expect((await call(page, { method })).status).toBe(405);
    expect((await call(new URL(`${page.pathname}/news`, page), { method: 'POST' })).status).toBe(405);
  });

  it('the page says until when a press of the Snooze button postpones the prompt, also when it has been open for long', async () => {
    question.change(request({ snooze: STALE_SNOOZE }));
    const page = await enter();
    const time = localTime(SNOOZED.until, request().now);
    expect((await call(page)).body).toContain(`Snooze until ${time}<`);
    const { body } = await call(page, { ...form(''), body: 'code=&round=1&snooze=yes' });
    expect(await answered(answer)).toEqual(SNOOZED);
    expect(body).toContain(`The agent will not ask until ${time}.`);
  });

  it('the page may not be stored, framed, sniffed or sent as a referrer, and loads nothing', async () => {
    const page = await enter();
    for (const { headers } of [await call(page), await call(new URL('/', page)), await call(page, form('x'))]) {
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
      });
      expect(headers['set-cookie']).toBeUndefined();
      expect(String(headers['content-security-policy']).split('; ')).toEqual([
        "default-src 'none'",
        expect.stringMatching(/^style-src 'sha256-[\w+/=]+'$/),
        expect.stringMatching(/^script-src 'sha256-[\w+/=]+'$/),
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
      ]);
    }
    expect((await call(page)).body).not.toMatch(/\b(src|href)=|url\(|@import/);
  });

  it('the page ignores a form that is sent again, also for a later prompt', async () => {
    const page = await enter();
    const news = connect(Number(link.port), '127.0.0.1');
    news.write(`GET ${page.pathname}/news HTTP/1.1\r\nHost: ${link.host}\r\n\r\n`);
    await within('news of the page', once(news, 'data'));
    const sent = form('111111');
    await call(page, sent);
    expect(await answered(answer)).toMatchObject({ code: '111111' });
    expect((await call(page, sent)).status).toBe(303);

    answer = way.ask(request({ problem: 'AWS refused that code.' }), question);
    expect((await call(page, sent)).status).toBe(303);
    expect(await isPending()).toBe(true);
    expect((await call(page)).body).toContain('AWS refused that code.');
    await call(page, form('222222', {}, 2));
    expect(await answered(answer)).toMatchObject({ code: '222222' });
    news.destroy();
  });

  it('the page is closed after the prompt was closed, and after AWS accepted the code', async () => {
    const page = await enter();
    question.withdraw();
    expect(await answered(answer)).toEqual({ kind: 'dismissed' });
    await expect(call(page)).rejects.toThrow('ECONNREFUSED');

    const told = new Promise<string>((resolve) => {
      way = browser({ environment: { PATH: '' }, platform: 'linux', named: true, tell: resolve });
    });
    let settle = (_text: string) => {};
    const outcome = new Promise<CodeResult>((resolve) => {
      settle = (text) => resolve({ kind: 'fresh', text });
    });
    answer = way.ask(request(), { ...asking(), outcome });
    link = new URL(/http:\S+$/.exec(await within('the link', told))?.[0] ?? '');
    const second = await enter();
    await call(second, form('123456'));
    await answered(answer);
    expect((await call(second)).body).toContain('Checking with AWS');
    settle('[mfa] is fresh');
    await outcome;
    await holds(async () =>
      expect(await call(second).catch((error: Error) => error.message)).toContain('ECONNREFUSED'),
    );
  });

  it('the page refuses a body of 10 MB, with or without a length, and continues to work', async () => {
    const page = await enter();
    const refused = (reply: Promise<Reply>) => reply.then(({ status }) => status === 413).catch(() => true);
    const megabytes = 'x'.repeat(10 << 20);
    expect(await refused(call(page, { ...form(''), body: megabytes }))).toBe(true);
    const stream = Readable.from(
      (function* () {
        for (let index = 0; index < 160; index += 1) yield Buffer.alloc(1 << 16, 'x');
      })(),
    );
    expect(await refused(call(page, { ...form(''), body: stream }))).toBe(true);
    expect(
      (await call(link, { headers: { 'X-Long': 'x'.repeat(100_000) } }).catch(() => ({ status: 431 }))).status,
    ).toBe(431);
    expect(await isPending()).toBe(true);
    await call(page, form('123456'));
    expect(await answered(answer)).toMatchObject({ code: '123456' });
  });

  it('the page closes connections that are slow', async () => {
    const page = await enter();
    const post = `POST ${page.pathname} HTTP/1.1\r\nHost: ${link.host}\r\nSec-Fetch-Site: same-origin\r\n`;
    const slow = [
      'GET / HTTP/1.1\r\nHo',
      `${post}Content-Length: 19\r\n\r\ncode=1`,
      `${post}Transfer-Encoding: chunked\r\n\r\n`,
    ];
    const closed = slow.map(async (start) => {
      const socket = connect(Number(link.port), '127.0.0.1');
      socket
        .on('error', () => {})
        .resume()
        .write(start);
      await within(`the end of the connection that sends ${start}`, once(socket, 'close'), undefined, 20_000);
    });
    expect((await call(page)).status).toBe(200);
    await Promise.all(closed);
    expect(await isPending()).toBe(true);
  });

  it('the page is reachable during a thousand connections of another program', async () => {
    const others: Socket[] = [];
    for (let index = 0; index < 1_000; index += 1) {
      const socket = connect(Number(link.port), '127.0.0.1');
      others.push(socket.on('error', () => {}));
      await within('a connection', once(socket, 'connect'));
    }
    const page = await enter();
    await call(page, form('123456'));
    expect(await answered(answer)).toMatchObject({ code: '123456' });
    for (const socket of others) socket.destroy();
  });

  it('the page is served on the loopback interface only', async () => {
    const others = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).filter(({ internal }) => !internal));
    for (const { address, scopeid } of others) {
      if (scopeid) continue;
      const socket = connect(Number(link.port), address);
      const [error] = await within(`an error at ${address}`, once(socket, 'error'));
      expect(error.code).toBe('ECONNREFUSED');
    }
  });

  it('the page refuses another user who reads the link in the process list', needs('Linux', 'root'), async () => {
    const program = `fetch(${JSON.stringify(link)}, { redirect: 'manual' }).then(({ status }) => console.log(status))`;
    const thief = spawn(process.execPath, ['-e', program], { uid: 65534, gid: 65534, cwd: '/' });
    const [status] = await within('what the thief gets', once(thief.stdout, 'data'));
    expect(String(status).trim()).toBe('404');
    const page = await enter();
    await call(page, form('123456'));
    expect(await answered(answer)).toMatchObject({ code: '123456' });
  });

  it('the page does not keep a process alive after the code was sent', async () => {
    const program = `
      import { browser } from '${built('ask/browser/browser.ts')}';
      const way = browser({ environment: {}, platform: 'linux', named: true });
      const { signal } = new AbortController();
      console.log(JSON.stringify(await way.ask(${JSON.stringify(request())}, { signal, onChange() {} })));
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program]);
    const [told] = await within('the link', once(child.stderr, 'data'));
    link = new URL(/http:\S+/.exec(String(told))?.[0] ?? '');
    const page = await enter();
    const news = connect(Number(link.port), '127.0.0.1');
    news.resume().write(`GET ${page.pathname}/news HTTP/1.1\r\nHost: ${link.host}\r\n\r\n`);
    await call(page, form('123456'));
    const [output] = await within('the code', once(child.stdout, 'data'));
    await within('the end of the process', once(child, 'exit'), undefined, 20_000);
    expect(String(output).trim()).toBe('{"kind":"code","code":"123456"}');
    news.destroy();
  });
});

describe('the browser', () => {
  it('the browser opens another page when AWS refuses a code and the first page is not open', async () => {
    const question = asking();
    const links: string[] = [];
    let told = () => {};
    const tell = (line: string) => {
      links.push(/http:\S+$/.exec(line)?.[0] ?? '');
      told();
    };
    const way = browser({ platform: 'linux', environment: {}, named: true, tell });
    const ask = async (problem?: string) => {
      const opened = new Promise<void>((resolve) => {
        told = resolve;
      });
      const answer = way.ask(request(problem === undefined ? {} : { problem }), question);
      await within('the link', opened);
      const link = links.at(-1) ?? '';
      const page = new URL((await call(link)).headers.location ?? '', link);
      return { answer, page };
    };
    const first = await ask();
    await call(first.page, { method: 'POST', body: 'code=111111&round=1' });
    expect(await answered(first.answer)).toMatchObject({ code: '111111' });
    const second = await ask('AWS refused that code.');
    expect((await call(second.page)).body).toContain('AWS refused that code.');
    await expect(call(first.page)).rejects.toThrow('ECONNREFUSED');
    question.withdraw();
    await second.answer;
  });

  /** The next link that is told. */
  function links() {
    const all: string[] = [];
    let next = deferred<URL>();
    const tell = (line: string) => {
      const link = /http:\S+$/.exec(line)?.[0] ?? '';
      all.push(link);
      next.resolve(new URL(link));
      next = deferred();
    };
    return { all, tell, next: () => within('a link', next.promise) };
  }

  it('the browser opens another page with a reminder, once the last one was opened', async () => {
    const { tell, next } = links();
    const question = asking();
    const page = browser({ platform: 'linux', environment: {}, named: true, tell });
    const first = next();
    const answer = standAlone(page, { typingTime: 0 }).ask(request(), question);
    const again = first.then(() => next());
    const link = await first;
    question.change(request({ reminder: 1 }));
    expect(await again).toEqual(link);
    const opened = new URL((await call(link)).headers.location ?? '', link);
    const news = await fetch(`${opened}/news`);
    const second = next();
    question.change(expiredRequest());
    expect(await news.text()).toContain('"message":"This request is closed."');
    const other = new URL((await call(await second)).headers.location ?? '', await second);
    expect((await call(other)).body).toContain('AWS session [mfa] ended at');
    question.withdraw();
    expect(await answered(answer)).toEqual({ kind: 'dismissed' });
  });

  it('the time of a page counts from the visit of its link', async () => {
    const { tell, next } = links();
    const told = next();
    const question = asking();
    let visits = 0;
    const onOpen = () => {
      visits += 1;
    };
    const page = browser({ platform: 'linux', environment: {}, named: true, tell });
    const answer = page.ask(request(), { ...question, onOpen });
    const link = await told;
    expect(visits).toBe(0);
    await call(link);
    expect(visits).toBe(1);
    await call(link);
    expect(visits).toBe(1);
    question.withdraw();
    await answered(answer);
  });

  it('the browser opens one page at a time for several devices', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'browser-'));
    await mkdir(join(folder, 'aws-mfa-agent'));
    const environment = { PATH: '', HOME: folder, XDG_RUNTIME_DIR: folder };
    const { all, tell, next } = links();
    const ask = (profile: string) => {
      const question = asking();
      const { ask } = createAsk({ prompt: ['browser'] }, {}, { environment, platform: 'linux', tell });
      return { question, answer: ask(request({ profile }), question) };
    };
    const first = ask('first');
    const link = await next();
    const second = ask('second');
    const page = new URL((await call(link)).headers.location ?? '', link);
    for (let index = 0; index < 5; index += 1) expect((await call(page)).body).toContain('AWS session [first]');
    expect(all).toHaveLength(1);
    const after = next();
    first.question.withdraw();
    await answered(first.answer);
    const other = new URL((await call(await after)).headers.location ?? '', await after);
    expect((await call(other)).body).toContain('AWS session [second]');
    second.question.withdraw();
    await answered(second.answer);
    await rm(folder, { recursive: true });
  });

  it('the browser is not a way of asking when none can be opened, unless the settings list it', async () => {
    const linux = { platform: 'linux' as const, environment: { PATH: '/nonexistent' } };
    expect(await browser(linux).unfit()).toBe('no display: neither DISPLAY nor WAYLAND_DISPLAY is set');
    const screen = { ...linux, environment: { ...linux.environment, DISPLAY: ':0' } };
    expect(await browser(screen).unfit()).toBe('xdg-open is not installed');
    expect(await browser(screen).ask(request(), asking())).toMatchObject({ kind: 'unavailable' });
    expect(await browser({ ...linux, named: true }).unfit()).toBeUndefined();
  });

  it('the browser is that of Windows in WSL', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'browser-'));
    await writeFile(join(folder, 'wslview'), `#!/bin/sh\necho "$1" > ${folder}/link\n`, { mode: 0o755 });
    const environment = { PATH: `${folder}:/usr/bin:/bin`, WSL_DISTRO_NAME: 'Debian' };
    const question = asking();
    const answer = browser({ platform: 'linux', environment }).ask(request(), question);
    await holds(async () =>
      expect(await readFile(join(folder, 'link'), 'utf8').catch(() => '')).toMatch(/^http:\/\/localhost:\d+\/\S+\n$/),
    );
    question.withdraw();
    expect(await answered(answer)).toEqual({ kind: 'dismissed' });
    await rm(folder, { recursive: true });
  });

  it('the browser does not open for a prompt that was closed before', async () => {
    const question = asking();
    question.withdraw();
    const way = browser({ platform: 'linux', environment: {}, named: true, tell: () => expect.unreachable() });
    expect(await way.ask(request(), question)).toEqual({ kind: 'dismissed' });
  });
});
