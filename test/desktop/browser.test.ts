import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Answer, AskRequest, CodeResult, Way } from '../../src/ask/ask.ts';
import { browser } from '../../src/ask/browser/browser.ts';
import { needs } from '../needs.ts';
import { answered, asking, expiredRequest, request, SNOOZED } from './asking.ts';
import { type Chromium, startChromium, type Tab } from './chromium.ts';

const PROBLEM = 'AWS refused that code (mistyped, late or used). The next one comes in 12 s.';

const STATE = 'document.querySelector("main").dataset.state';
const TEXT = 'document.body.innerText';
const FIELD = 'document.querySelector("#code")';

describe('the page in the browser', needs('a desktop', 'chromium', 'xdg-open'), () => {
  let chromium: Chromium;
  let tab: Tab;
  let question: ReturnType<typeof asking>;
  let way: Way;
  let told: (text: string) => void;

  beforeAll(async () => {
    process.env.TZ = 'UTC';
    chromium = await startChromium();
  });
  afterAll(() => chromium.stop());
  beforeEach(async () => {
    question = asking();
    way = browser({ environment: { PATH: '' }, platform: 'linux', named: true, tell: (text) => told(text) });
    tab = await chromium.tab();
  });
  afterEach(async () => {
    question.withdraw();
    await tab.close().catch(() => {});
  });

  /** Asks, and opens the page that is told. */
  const begin = async (asked: AskRequest = request(), outcome?: Promise<CodeResult>) => {
    const link = new Promise<string>((resolve) => {
      told = (text) => resolve(/http:\S+$/.exec(text)?.[0] ?? '');
    });
    const answer: { given: Promise<Answer> } = { given: way.ask(asked, { ...question, outcome }) };
    await tab.open(await link);
    await tab.until(`document.readyState === 'complete' && ${FIELD} && document.activeElement === ${FIELD}`);
    return { ...answer, link: await link };
  };

  it('the page submits the code at the sixth digit, without another key', async () => {
    const { given } = await begin();
    await tab.look({});
    await tab.picture('browser-light');
    await tab.type('123 456');
    expect(await answered(given, () => tab.value('document.body?.innerText'))).toEqual({
      kind: 'code',
      code: '123456',
    });
    await tab.until(`${STATE} === 'given'`);
    await tab.picture('browser-code-given');
    expect(tab.complaints).toEqual([]);
  });

  it.each(['123-456', '１２３４５６', '\u200b123\u2013456'])('the page takes a pasted %j', async (text) => {
    const { given } = await begin();
    await tab.type(text);
    expect(await answered(given, () => tab.value('document.body?.innerText'))).toEqual({
      kind: 'code',
      code: '123456',
    });
  });

  it('the page moves the bars of the session and of the present code', async () => {
    await begin();
    await tab.until(`/Next code in \\d+ s/.test(${TEXT})`);
    const values = () => tab.value('[...document.querySelectorAll("progress")].map(({ value }) => value).join(" ")');
    const [left, step] = String(await values())
      .split(' ')
      .map(Number);
    await tab.until(
      `document.querySelector('#left').value < ${left} && document.querySelector('#step').value !== ${step}`,
    );
  });

  it('the page supports password managers, number pads and screen readers', async () => {
    await begin(request({ problem: PROBLEM }));
    expect(await tab.value(`${FIELD}.autocomplete + ' ' + ${FIELD}.inputMode`)).toBe('one-time-code numeric');
    expect(await tab.value(`document.activeElement === ${FIELD}`)).toBe(true);
    expect(await tab.accessible()).toEqual([
      'main ""',
      'contentinfo ""',
      expect.stringMatching(/^heading "AWS session \[mfa\] ends in 1[45]m, at 14:35"$/),
      'progressbar "Time left in the session"',
      'form ""',
      'textbox "MFA code of alice in account 123456789012"',
      'alert ""',
      'button "OK"',
      'button "Snooze until 14:27"',
    ]);
  });

  it('the page fits a phone, and has a dark form', async () => {
    await begin(request({ problem: PROBLEM }));
    await tab.look({ dark: true });
    await tab.picture('browser-dark');
    await tab.look({ width: 320, height: 568 });
    await tab.picture('browser-320');
    await tab.look({ width: 320, height: 568, dark: true });
    await tab.picture('browser-320-dark');
    expect(await tab.value('document.documentElement.scrollWidth')).toBe(320);
  });

  it("the page shows AWS's answer, accepts another code, and ends after a success", async () => {
    let settle = (_text: string) => {};
    const outcome = new Promise<CodeResult>((resolve) => {
      settle = (text) => resolve({ kind: 'fresh', text });
    });
    const { given } = await begin(request(), outcome);
    await tab.type('111111');
    expect(await answered(given, () => tab.value('document.body?.innerText'))).toMatchObject({ code: '111111' });
    await tab.until(`${STATE} === 'given'`);

    const second = way.ask(request({ problem: PROBLEM }), { ...question, outcome });
    await tab.until(`${TEXT}.includes('AWS refused that code')`);
    expect(await tab.value(`${FIELD}.value`)).toBe('');
    await tab.look({});
    await tab.picture('browser-refused');
    await tab.type('222222');
    expect(await answered(second, () => tab.value('document.body?.innerText'))).toMatchObject({ code: '222222' });

    settle('[mfa] is fresh until 02:20 (12h 00m)');
    await tab.until(`${STATE} === 'over'`);
    expect(await tab.value(TEXT)).toContain('[mfa] is fresh until 02:20 (12h 00m)');
    await tab.picture('browser-over');
    expect(tab.complaints).toEqual([]);
  });

  it('the page says what is not a code, keeps the time, and works after a reload', async () => {
    const { given } = await begin();
    await tab.type('abc');
    await tab.press('Enter');
    await tab.until(`${TEXT}.includes('A code has six digits')`);
    expect(await tab.value(`${FIELD}.value`)).toBe('');

    await tab.type('12');
    question.change(expiredRequest());
    await tab.until(`${TEXT}.includes('ended at 14:35')`);
    expect(await tab.value('document.querySelector("progress").position')).toBe(0);
    expect(await tab.value(`${FIELD}.value`)).toBe('12');

    await tab.value('window.old = true');
    await tab.send('Page.reload');
    await tab.until(`!window.old && document.readyState === 'complete' && document.activeElement === ${FIELD}`);
    await tab.type('123456');
    expect(await answered(given, () => tab.value('document.body?.innerText'))).toEqual({
      kind: 'code',
      code: '123456',
    });
  });

  it('the page shows names unchanged', async () => {
    const hostile = '<img src=x onerror=alert(1)>"\'&amp;</title>';
    await begin(request({ profile: hostile, serialNumber: hostile, problem: `</script>${hostile}` }));
    const text = await tab.value<string>(TEXT);
    expect(text.split(hostile)).toHaveLength(4);
    expect(await tab.value('document.images.length')).toBe(0);
    expect(tab.complaints).toEqual([]);
  });

  it('the page can be snoozed by the keyboard', async () => {
    const { given } = await begin();
    for (const button of ['OK', 'Snooze until 14:27']) {
      await tab.press('Tab');
      await tab.until(`document.activeElement.textContent === '${button}'`);
    }
    await tab.press('Enter');
    expect(await answered(given, () => tab.value('document.body?.innerText'))).toEqual(SNOOZED);
    await tab.until(`${TEXT}.includes('The agent will not ask until 14:27.')`);
  });

  it('the page says that it is over when the prompt is closed', async () => {
    const { given } = await begin();
    question.withdraw();
    expect(await answered(given, () => tab.value('document.body?.innerText'))).toEqual({ kind: 'dismissed' });
    await tab.until(`${TEXT}.includes('This request is closed.')`);
  });

  it('the page is dismissed when its tab is closed', async () => {
    const { given } = await begin();
    await tab.until('news.readyState === 1');
    await tab.close();
    expect(await answered(given, () => tab.value('document.body?.innerText'))).toEqual({ kind: 'dismissed' });
  });

  it('the page is not shown to another browser with the same link', async () => {
    const { link } = await begin();
    const other = await chromium.tab();
    await other.open(link);
    await other.until(`${TEXT}.includes('works once')`);
    await other.close();
  });

  it.each(['127.0.0.1', 'localhost'])(
    'the page is neither answered nor framed by another page of the browser, on %s',
    async (host) => {
      const { given } = await begin();
      await tab.until('news.readyState === 1');
      const page = await tab.value<string>('location.href');
      // It has the address of the page, which is secret.
      const evil = createServer((_, response) => {
        response.setHeader('Content-Type', 'text/html');
        response.end(`<iframe src="${page}" onload="framed = true"></iframe>
        <form method="post" action="${page}" target="answer"><input name="code" value="666666"><input name="round" value="1">
        </form><iframe name="answer" onload="answered = true"></iframe>`);
      }).listen(0, '127.0.0.1');
      await once(evil, 'listening');
      const other = await chromium.tab();
      try {
        await other.open(`http://${host}:${(evil.address() as AddressInfo).port}/`);
        await other.until('window.framed && window.answered && document.forms[0]');
        await other.value('answered = false, document.forms[0].submit()');
        await other.until('answered');
        const body = 'code=666666&round=1';
        const post = `fetch('${page}', { method: 'POST', mode: 'no-cors', body: new URLSearchParams('${body}') })`;
        expect(await other.value(`${post}.then(({ type }) => type, () => 'failed')`)).toMatch(/^(opaque|failed)$/);
        expect(await other.value(`fetch('${page}').then(() => 'read', () => 'kept')`)).toBe('kept');
        expect(other.complaints.join()).toContain('frame-ancestors');
        await tab.type('123456');
        expect(await answered(given, () => tab.value('document.body?.innerText'))).toEqual({
          kind: 'code',
          code: '123456',
        });
      } finally {
        await other.close();
        evil.closeAllConnections();
        evil.close();
      }
    },
  );

  it('the page says that it is over when the agent was killed', async () => {
    await begin();
    await tab.until('news.readyState === 1');
    await tab.value('news.onerror()');
    await tab.until('news.readyState === 2');
    expect(await tab.value(TEXT)).toContain('This request is closed.');
  });

  it('the page works without script', async () => {
    await tab.close();
    tab = await chromium.tab(false);
    const { given } = await begin();
    await tab.type('12345');
    await tab.press('Enter');
    await tab.until(`${TEXT}.includes('A code has six digits')`);
    await tab.look({});
    await tab.picture('browser-without-script');
    // A bar that does not move would lie.
    expect(await tab.value('getComputedStyle(document.querySelector("#step")).display')).toBe('none');
    await tab.type('123456');
    await tab.press('Enter');
    expect(await answered(given, () => tab.value('document.body?.innerText'))).toEqual({
      kind: 'code',
      code: '123456',
    });
    await tab.until(`${TEXT}.includes('Checking with AWS')`);
  });
});
