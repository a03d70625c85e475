import { expect, it } from 'vitest';
import type { Agent } from '../../src/agent/agent.ts';
import { countRevisions } from '../../src/control/revisions.ts';
import { agentRoutes } from '../../src/control/routes.ts';
import type { Settings } from '../../src/settings/settings.ts';

it('the number of an answer is that of its content, also before the check has ended that changed it', async () => {
  const revisions = countRevisions();
  let standing = 'fresh';
  const agent = { status: () => [{ profile: 'mfa', standing }] } as unknown as Agent;
  const routes = agentRoutes(agent, () => ({}) as Settings, { revisions, version: '1' });
  const client = { mayWait: () => {}, gone: new AbortController().signal };
  const answer = () => routes['GET /v1/agent']({ get: () => null }, client);
  const checkEnds = () => revisions.tell(JSON.stringify(agent.status()));

  checkEnds();
  const before = await answer();
  standing = 'asking';
  const during = await answer();
  expect(during.revision).not.toBe(before.revision);
  checkEnds();
  expect(await answer()).toEqual(during);
});
