import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import * as askTexts from '../texts.ts';
import { CODE_STEP } from '../time-left.ts';
import * as texts from './texts.ts';

/** What the page shows at one moment. */
export interface PageView {
  /** `given`: there is a code, but no answer from AWS yet. `over`: the prompt is closed. */
  state: 'asking' | 'given' | 'over';
  /** Counts how often the page has asked. The field is emptied each time, and a form names the round that it answers. */
  round: number;
  /** Of the window or tab. */
  tab: string;
  title: string;
  device: string;
  /** The label of the button. */
  snooze: string;
  /** Why the last code was not accepted; empty without a reason. */
  problem: string;
  /** The result; empty while the page asks. */
  message: string;
  /** Milliseconds until the session ends; 0 without a session. */
  left: number;
  /** The value of `left` at which its bar is full; 0 without a session. */
  whole: number;
  /** The value of `left` as text. */
  leftText: string;
  /** Milliseconds until the MFA device shows another code. */
  codeLeft: number;
}

/** Returns the page's HTML. It works without its script, which updates it and submits the form after the sixth digit. */
export function renderPage(view: PageView): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${escaped(view.tab)}</title>
<style>${STYLE}</style>
</head>
<body>
<main data-state="${view.state}" data-over="${escaped(texts.PAGE_OVER)}">
<h1 id="title">${escaped(view.title)}</h1>
<progress id="left" aria-label="${escaped(askTexts.SESSION_LEFT)}" aria-valuetext="${escaped(view.leftText)}" \
max="${view.whole}" value="${view.left}"${view.whole === 0 ? ' hidden' : ''}></progress>
<form method="post" autocomplete="on">
<label for="code" id="device">${escaped(view.device)}</label>
<input id="code" name="code" type="text" inputmode="numeric" autocomplete="one-time-code" autofocus maxlength="20" \
spellcheck="false" autocapitalize="off" aria-describedby="problem" aria-invalid="${view.problem !== ''}"\
${view.state === 'asking' ? '' : ' readonly'}>
<progress id="step" aria-hidden="true" max="${CODE_STEP}" value="${view.codeLeft}"></progress>
<p id="next" data-text="${escaped(askTexts.NEXT_CODE)}"></p>
<input name="round" type="hidden" value="${view.round}">
<p id="problem" role="alert">${escaped(view.problem)}</p>
<div><button>${escaped(askTexts.OK)}</button>
<button name="snooze" value="yes" id="snooze">${escaped(view.snooze)}</button></div>
<noscript><p>${escaped(texts.PAGE_NO_SCRIPT)}</p></noscript>
</form>
<p id="message" role="status">${escaped(view.message)}</p>
<p id="close">${escaped(texts.PAGE_CLOSE)}</p>
</main>
<footer>${escaped(texts.pageFoot(hostname()))}</footer>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

const STYLE = `
:root { color-scheme: light dark; --back: #f3f4f6; --card: #fff; --text: #16191f; --soft: #545b64; --line: #7d8998;
  --key: #0b5cad; --on-key: #fff; --bad: #b3141d; --track: #d9dee5; }
@media (prefers-color-scheme: dark) {
  :root { --back: #0f141a; --card: #1a222c; --text: #eef1f4; --soft: #a9b4c0; --line: #7d8998; --key: #6cb2ff;
    --on-key: #06203d; --bad: #ff8a84; --track: #36424f; }
}
* { box-sizing: border-box; }
[hidden], [data-state=over] > :is(h1, progress, form), main:not([data-state=over]) > #close,
  [data-state=given] form > div, p:empty, #step:has(+ p:empty) { display: none; }
body { margin: 0; min-height: 100vh; padding: 1rem; display: flex; flex-direction: column; align-items: center;
  justify-content: center; background: var(--back); color: var(--text); font: 1rem/1.45 system-ui, sans-serif; }
main { width: 100%; max-width: 28rem; padding: clamp(1.1rem, 6vw, 2rem); border-radius: .75rem; background: var(--card);
  box-shadow: 0 1px 3px #0003, 0 8px 24px #0002; overflow-wrap: anywhere; text-wrap: pretty; }
h1, footer { text-wrap: balance; }
h1 { margin: 0; font-size: 1.15rem; line-height: 1.35; }
progress { appearance: none; display: block; width: 100%; height: .5rem; margin: .9rem 0 0; border: 0; border-radius: 1rem;
  overflow: hidden; background: var(--track); }
progress::-webkit-progress-bar { background: var(--track); }
progress::-webkit-progress-value { border-radius: 1rem; background: var(--key); }
progress::-moz-progress-bar { border-radius: 1rem; background: var(--key); }
label { display: block; margin: 1.4rem 0 .4rem; color: var(--soft); }
#code { width: 100%; padding: .55rem .7rem; border: 1px solid var(--line); border-radius: .5rem; background: transparent;
  color: inherit; font: 600 1.75rem/1.2 ui-monospace, monospace; letter-spacing: .3em; }
#code[aria-invalid=true] { border-color: var(--bad); }
[data-state=given] #code { opacity: .55; }
#step { height: .3rem; margin-top: .6rem; }
#next { margin: .25rem 0 0; color: var(--soft); font-size: .85rem; text-align: center; font-variant-numeric: tabular-nums; }
#problem { margin: .6rem 0 0; color: var(--bad); font-weight: 600; }
form > div { display: flex; flex-wrap: wrap; gap: .6rem; margin-top: 1.2rem; }
button { flex: 1 0 auto; min-height: 2.75rem; padding: .4rem 1rem; border: 1px solid var(--key); border-radius: .5rem;
  background: var(--key); color: var(--on-key); font: inherit; font-weight: 600; cursor: pointer; }
button[name] { background: transparent; color: var(--key); }
:focus-visible { outline: 3px solid var(--key); outline-offset: 2px; }
#message { margin: 1.2rem 0 0; }
[data-state=over] #message { margin: 0; font-size: 1.15rem; font-weight: 600; }
#close { margin: .4rem 0 0; color: var(--soft); }
footer, noscript p { color: var(--soft); font-size: .85rem; }
footer { max-width: 28rem; margin-top: 1rem; text-align: center; }
@media (forced-colors: active) { main, progress { border: 1px solid; } }
`;

const SCRIPT = `
'use strict';
const main = document.querySelector('main');
const form = document.forms[0];
const field = form.elements.code;
// Text that is unchanged is not set again: a screen reader would repeat it.
const say = (id, text) => {
  const place = document.getElementById(id);
  if (place.textContent !== text) place.textContent = text;
};
const bar = (id) => document.getElementById(id);
let round = form.elements.round.value;
let sent;
/** When the session ends, and when the device shows another code, by this machine's clock. */
let sessionEnd, codeEnd;

/** Moves the bars. */
function tick() {
  if (sessionEnd === undefined) return;
  bar('left').value = Math.max(0, sessionEnd - Date.now());
  const step = bar('step');
  const left = step.max - ((step.max - codeEnd + Date.now()) % step.max);
  step.value = left;
  const next = document.getElementById('next');
  next.textContent = next.dataset.text.replace('{seconds}', Math.ceil(left / 1000));
}
setInterval(tick, 500);

function show(view) {
  main.dataset.state = view.state;
  field.readOnly = view.state !== 'asking';
  say('title', view.title);
  say('snooze', view.snooze);
  bar('left').hidden = view.whole === 0;
  bar('left').max = view.whole;
  bar('left').setAttribute('aria-valuetext', view.leftText);
  sessionEnd = Date.now() + view.left;
  codeEnd = Date.now() + view.codeLeft;
  tick();
  if (String(view.round) !== round) {
    round = form.elements.round.value = String(view.round);
    field.value = '';
    field.focus();
    say('problem', '');
  }
  field.setAttribute('aria-invalid', String(view.problem !== ''));
  say('problem', view.problem);
  say('message', view.message);
  if (view.state === 'over') news.close();
}

function gone() {
  news.close();
  main.dataset.state = 'over';
  say('message', main.dataset.over);
}

const news = new EventSource(location.pathname + '/news');
let lost;
news.onopen = () => clearTimeout(lost);
news.onmessage = ({ data }) => show(JSON.parse(data));
news.onerror = () => {
  clearTimeout(lost);
  lost = setTimeout(gone, 3000);
};

form.onsubmit = (event) => {
  event.preventDefault();
  if (sent === round || main.dataset.state !== 'asking') return;
  sent = round;
  const body = new URLSearchParams(new FormData(form));
  if (event.submitter && event.submitter.name) body.set(event.submitter.name, event.submitter.value);
  fetch(location.pathname, { method: 'POST', body, redirect: 'manual' }).catch(gone);
};
field.oninput = () => {
  const digits = field.value.normalize('NFKC').replace(/[\\s\\p{Pd}\\p{Cf}\\u2212]/gu, '');
  if (/^[0-9]{6}$/.test(digits)) form.requestSubmit();
};
`;

/** Allows only the page's own style and script (by hash), connections to its own origin, and no frame around it. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src '${hash(STYLE)}'`,
  `script-src '${hash(SCRIPT)}'`,
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

function hash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
