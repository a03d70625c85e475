import { describe, expect, it } from 'vitest';
import { type Standing, standingText } from '../../src/policy/standing.ts';
import { localTime } from '../../src/time/local-time.ts';

const NOW = Date.UTC(2026, 2, 2, 9);
const LATER = NOW + 5 * 60_000;
const AT = localTime(LATER, NOW);

const TEXTS: [Standing | undefined, string][] = [
  [undefined, 'expired'],
  [{ standing: 'fresh' }, 'fresh'],
  [{ standing: 'asking', since: LATER }, `asking since ${AT}`],
  [{ standing: 'asking', since: LATER, why: 'no display' }, `asking since ${AT}; no display`],
  [{ standing: 'snoozed', until: LATER }, `snoozed until ${AT}`],
  [{ standing: 'forgotten' }, 'forgotten until the next refresh'],
  [{ standing: 'quiet', until: LATER }, `quiet hours until ${AT}`],
  [{ standing: 'held', why: 'nobody is here' }, 'held: nobody is here'],
  [{ standing: 'waiting', until: LATER, why: 'AWS is busy' }, `AWS is busy; asks again at ${AT}`],
  [{ standing: 'waiting', until: LATER, why: 'AWS is busy', source: 'mfa' }, `AWS is busy; tries again at ${AT}`],
  [{ standing: 'unanswered', until: undefined }, 'not answered'],
  [{ standing: 'unanswered', until: LATER }, `not answered; asks again at ${AT}`],
  [{ standing: 'queued', behind: 'work' }, 'waiting for [work], which uses the same MFA device'],
  [{ standing: 'unsaved' }, 'has a new session that cannot be written yet'],
  [{ standing: 'verifying' }, 'asking AWS whether the session is valid'],
  [{ standing: 'stopped', why: 'no mfa_serial' }, 'stopped: no mfa_serial'],
  [{ standing: 'stopped', why: 'three codes', until: LATER }, `stopped: three codes; asks again at ${AT}`],
  [{ standing: 'stopped', why: 'denied', until: LATER, source: 'mfa' }, `stopped: denied; tries again at ${AT}`],
  [{ standing: 'assuming' }, 'assuming the role'],
  [{ standing: 'needs-source', source: 'mfa' }, 'waiting for a session of [mfa], its source profile'],
];

describe('the standing of a profile', () => {
  it.each(TEXTS)('the standing %j is put in words', (standing, text) => {
    expect(standingText('expired', standing, NOW)).toBe(text);
  });
});
