import { plain } from '../../plain.ts';
import { localTime } from '../../time/local-time.ts';
import type { AskRequest } from '../ask.ts';
import { APPLICATION, askTitle } from '../texts.ts';

export const PAGE_DONE = 'The agent has the code.';

export function pageSnoozed(until: number, now: number): string {
  return `The agent will not ask until ${localTime(until, now)}.`;
}

export const PAGE_OVER = 'This request is closed.';

export const PAGE_CLOSE = 'You can close this page.';

export const PAGE_NO_SCRIPT = 'JavaScript is off: press OK, then reload the page to see the answer.';

export const PAGE_NOT_FOUND =
  'Not found. A link from aws-mfa-agent works once, and only while the agent asks for a code.';

export function pageFoot(host: string): string {
  return `${APPLICATION} on ${plain(host)}. The code is sent only to AWS.`;
}

/** For the log, if no browser could be opened. */
export function pageLink(request: AskRequest, link: string): string {
  return `${askTitle(request)}: enter the code at ${link}`;
}

export const OPENS_BROWSER = `${APPLICATION} opens its page in the browser`;
