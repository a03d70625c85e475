import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { childEnvironment, isInstalled, runCommand } from '../run-command.ts';
import type { Answer, Asking, AskRequest, Way } from './ask.ts';
import { untilCode } from './field.ts';
import { inTurn } from './in-turn.ts';
import { macosNotice } from './macos-notice.ts';
import { whyNoField } from './open-field.ts';
import * as reasons from './reasons.ts';
import * as texts from './texts.ts';

/** Seconds after which a code field opens instead: macOS may never show the notification (permission, Focus), and does not say so. */
const LIMIT = 30;
/** How much later than that its program is ended, in milliseconds. */
const GRACE = 3_000;
/**
 * A notification that is closed within this time, in milliseconds, was not answered: alerter prints the same for its button, for a
 * swipe, and for a notification that macOS 15 drops at once.
 */
const TOO_SOON = 2_000;

interface Notifiers {
  /** Returns the program of node-notifier, or undefined if it cannot run on this Mac. */
  terminalNotifier?: () => string | undefined;
  /** In seconds. */
  limit?: number;
  /** In milliseconds. */
  tooSoon?: number;
}

/**
 * A notification into which the user types the code: by `alerter` if it is installed, or by node-notifier's terminal-notifier where
 * that can run. A click on it opens a code field. Without such a program, and after the time limit, a field opens by itself beside a
 * notification that needs no answer. Never tried on a Mac.
 * @param fields code fields in the order of preference
 * @see https://github.com/vjeantet/alerter
 */
export function macosNotification(
  fields: readonly Way[],
  environment: NodeJS.ProcessEnv,
  { terminalNotifier = bundledNotifier, limit = LIMIT, tooSoon = TOO_SOON }: Notifiers = {},
): Way {
  let typedInField = false;
  const notifier = (request: AskRequest): string[] | undefined => {
    if (isInstalled('alerter', environment)) return alerter(request, limit);
    const path = terminalNotifier();
    return path === undefined ? undefined : [path, ...terminalNotifierWords(request, limit)];
  };
  return {
    name: 'notification',
    unfit: async () => {
      // It would appear on the Mac, not where the user is.
      if (environment.SSH_CONNECTION) return reasons.NO_WINDOW;
      return isInstalled('alerter', environment) || terminalNotifier() ? undefined : whyNoField(fields);
    },
    ask: async (request, asking) => {
      let current = request;
      let onChange: (request: AskRequest) => void = () => {};
      asking.onChange((changed) => {
        current = changed;
        onChange(changed);
      });
      const openField = async (isClicked: boolean): Promise<Answer> => {
        // A window that opens by itself may be behind others.
        if (!isClicked) void macosNotice(texts.askTitle(current), texts.askBody(current).join('\n'), environment);
        const ofField: Asking['onChange'] = (listener) => {
          onChange = listener;
        };
        const answer = await inTurn(fields)(current, { ...asking, isClicked, onChange: ofField });
        typedInField = answer.kind === 'code';
        return answer;
      };
      // After a refused code, the field in which it was typed asks again.
      if (typedInField && request.problem !== undefined) return openField(true);
      if (notifier(request) === undefined) return openField(false);
      let opens: 'by click' | 'by itself' | undefined;
      const answer = await untilCode(request, async (shown) => {
        const { signal } = asking;
        const reaction = await showNotification(notifier(shown) ?? [], shown, { limit, tooSoon, environment, signal });
        if (typeof reaction !== 'string') return reaction.kind === 'typed' ? reaction.text : reaction;
        opens = reaction;
        return { kind: 'dismissed' };
      });
      if (answer.kind === 'code') asking.needsResult?.('desktop');
      return opens && !asking.signal.aborted ? openField(opens === 'by click') : answer;
    },
  };
}

type Reaction = Answer | { kind: 'typed'; text: string } | 'by click' | 'by itself';

/** Shows a notification until the user reacts, or the time limit is reached. @returns how a code field is to be opened, if so */
async function showNotification(
  words: readonly string[],
  { snooze }: AskRequest,
  {
    limit,
    tooSoon,
    environment,
    signal,
  }: { limit: number; tooSoon: number; environment: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<Reaction> {
  const shownAt = performance.now();
  const settings = { timeout: limit * 1000 + GRACE, signal, environment: childEnvironment(environment) };
  const { ok, stdout } = await runCommand(words, settings);
  if (signal.aborted) return { kind: 'dismissed' };
  const { activationType, activationValue } = ok ? reactionIn(stdout) : {};
  switch (String(activationType).toLowerCase()) {
    case 'replied':
      return { kind: 'typed', text: String(activationValue ?? '') };
    case 'closed':
      if (performance.now() - shownAt < tooSoon) return 'by itself';
      // The close button has the label of the snooze.
      return activationValue === snooze.label ? { kind: 'snooze', until: snooze.until } : { kind: 'dismissed' };
    case 'contentsclicked':
    case 'actionclicked':
      return 'by click';
    default:
      return 'by itself';
  }
}

function reactionIn(output: string): { activationType?: unknown; activationValue?: unknown } {
  try {
    return Object(JSON.parse(output));
  } catch {
    return {};
  }
}

function alerter(request: AskRequest, limit: number): string[] {
  return [
    ...['alerter', '--title', texts.askTitle(request), '--message', texts.askBody(request).join('\n')],
    ...['--reply', texts.SIX_DIGITS, '--close-label', request.snooze.label, '--timeout', String(limit), '--json'],
  ];
}

function terminalNotifierWords(request: AskRequest, limit: number): string[] {
  return [
    ...['-title', quoted(texts.askTitle(request)), '-message', quoted(texts.askBody(request).join(' '))],
    ...['-reply', quoted(texts.SIX_DIGITS), '-closeLabel', quoted(request.snooze.label)],
    ...['-timeout', String(limit), '-json', quoted('true')],
  ];
}

/** It reads its arguments as property lists. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** Rosetta, which runs programs for Intel on Apple silicon. It is not there by default. */
const ROSETTA = '/Library/Apple/usr/libexec/oah/libRosettaRuntime';

/** Whether programs for Intel can run on a Mac. @param arch of the running Node */
export function runsIntel(arch: string = process.arch, rosetta = ROSETTA): boolean {
  return arch === 'x64' || existsSync(rosetta);
}

/** node-notifier's terminal-notifier is built for Intel only. We start it ourselves: node-notifier cannot end it. */
function bundledNotifier(): string | undefined {
  if (!runsIntel()) return undefined;
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve('node-notifier/package.json'));
  const program = join(folder, 'vendor/mac.noindex/terminal-notifier.app/Contents/MacOS/terminal-notifier');
  // Homebrew's package leaves it out.
  return existsSync(program) ? program : undefined;
}
