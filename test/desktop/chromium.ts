import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { until, within } from '../within.ts';

const ARTIFACTS = fileURLToPath(new URL('../artifacts', import.meta.url));

/** What keeps a browser for tests to itself. */
export const CHROMIUM_OPTIONS = [
  ...['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync', '--disable-dev-shm-usage', '--password-store=basic'],
];

interface Look {
  width?: number;
  height?: number;
  dark?: boolean;
}

export interface Tab {
  open(link: string): Promise<void>;
  /** The value of a JavaScript expression in the page. */
  value<T>(expression: string): Promise<T>;
  /** Resolves when an expression is true in the page, also one that is loaded meanwhile. */
  until(expression: string): Promise<void>;
  /** Types, key by key, where the focus is. */
  type(text: string): Promise<void>;
  press(key: 'Enter' | 'Tab'): Promise<void>;
  look(look: Look): Promise<void>;
  picture(name: string): Promise<void>;
  /** What the browser complained about: refused by the page's policy, errors of the script. */
  complaints: string[];
  /** The page as assistive technology sees it: `role "name"` of what is not hidden from it. */
  accessible(): Promise<string[]>;
  /** A command of the DevTools protocol. */
  send(method: string, parameters?: object): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

/** A real browser without a window. */
export interface Chromium {
  /** @param script whether pages may run theirs */
  tab(script?: boolean): Promise<Tab>;
  stop(): Promise<void>;
}

/** @see https://chromedevtools.github.io/devtools-protocol/ spoken over two pipes, each message ended by a zero byte */
export async function startChromium(): Promise<Chromium> {
  const folder = await mkdtemp(join(tmpdir(), 'chromium-'));
  const options = ['--headless', '--remote-debugging-pipe', `--user-data-dir=${folder}`, ...CHROMIUM_OPTIONS];
  const child = spawn('chromium', options, {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    env: { ...process.env, HOME: folder, TZ: 'UTC' },
  });
  const [commands, answers] = [child.stdio[3] as Writable, child.stdio[4] as Readable];
  const waiting = new Map<number, { resolve(result: Record<string, unknown>): void; reject(error: Error): void }>();
  const listeners = new Set<(message: Message) => void>();
  let rest = '';
  answers.setEncoding('utf8').on('data', (text: string) => {
    const messages = (rest + text).split('\0');
    rest = messages.pop() ?? '';
    for (const message of messages.map((one) => JSON.parse(one) as Message)) {
      const call = waiting.get(message.id ?? 0);
      if (message.error) call?.reject(new Error(message.error.message));
      else call?.resolve(message.result ?? {});
      for (const listener of listeners) listener(message);
    }
  });
  let calls = 0;
  const send = (method: string, params: object = {}, sessionId?: unknown) =>
    within(
      `an answer of Chromium to ${method}`,
      new Promise<Record<string, unknown>>((resolve, reject) => {
        calls += 1;
        waiting.set(calls, { resolve, reject });
        commands.write(`${JSON.stringify({ id: calls, method, params, sessionId })}\0`);
      }),
    );

  return {
    async tab(script = true) {
      const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
      const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
      const complaints: string[] = [];
      listeners.add(({ sessionId: from, method, params }) => {
        if (from !== sessionId) return;
        if (method === 'Log.entryAdded' || method === 'Runtime.exceptionThrown')
          complaints.push(JSON.stringify(params));
      });
      const here = (method: string, params?: object) => send(method, params, sessionId);
      for (const domain of ['Page', 'Runtime', 'Log', 'Accessibility']) await here(`${domain}.enable`);
      if (!script) await here('Emulation.setScriptExecutionDisabled', { value: true });
      const value = async <T>(expression: string): Promise<T> => {
        const { result } = await here('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
        return (result as { value: T }).value;
      };
      const key = async (name: string, text: string) => {
        const code = { Enter: 13, Tab: 9 }[name] ?? name.charCodeAt(0);
        await here('Input.dispatchKeyEvent', { type: 'keyDown', key: name, text, windowsVirtualKeyCode: code });
        await here('Input.dispatchKeyEvent', { type: 'keyUp', key: name, windowsVirtualKeyCode: code });
      };
      return {
        complaints,
        send: here,
        value,
        open: async (url) => void (await here('Page.navigate', { url })),
        async until(expression) {
          // Fails while the page is being replaced.
          const page = () => value('document.body?.innerText').catch((error) => error);
          await until(expression, () => value<boolean>(`Boolean(${expression})`).catch(() => false), page);
        },
        async type(text) {
          for (const character of text) await key(character, character);
        },
        press: (name) => key(name, { Enter: '\r', Tab: '' }[name]),
        async look({ width = 800, height = 600, dark = false }) {
          const features = [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }];
          await here('Emulation.setEmulatedMedia', { features });
          await here('Emulation.setDeviceMetricsOverride', {
            width,
            height,
            deviceScaleFactor: 1,
            mobile: width < 500,
          });
        },
        async picture(name) {
          const { data } = await here('Page.captureScreenshot');
          await mkdir(ARTIFACTS, { recursive: true });
          await writeFile(join(ARTIFACTS, `${name}.png`), Buffer.from(String(data), 'base64'));
        },
        async accessible() {
          const { nodes } = (await here('Accessibility.getFullAXTree')) as unknown as { nodes: AccessibleNode[] };
          return nodes
            .filter(({ ignored, role }) => !ignored && role && !INNER.includes(role.value))
            .map(({ role, name }) => `${role?.value} ${JSON.stringify(name?.value ?? '')}`);
        },
        close: async () => void (await send('Target.closeTarget', { targetId })),
      };
    },
    async stop() {
      const exited = once(child, 'exit');
      await send('Browser.close').catch(() => {});
      await within('the end of Chromium', exited);
      await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}

interface Message {
  id?: number;
  sessionId?: string;
  method?: string;
  params?: unknown;
  result?: Record<string, unknown>;
  error?: { message: string };
}

interface AccessibleNode {
  ignored: boolean;
  role?: { value: string };
  name?: { value: string };
}

/** Roles of what only holds other things, or text. */
const INNER = ['RootWebArea', 'StaticText', 'InlineTextBox', 'generic', 'none', 'LabelText', 'paragraph'];
