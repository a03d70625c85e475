import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withSession } from '../../src/credentials/edit.ts';
import { newSandboxUser } from '../../src/sandbox/account.ts';
import { needs } from '../needs.ts';
import { ACCOUNT_ID, type Sandbox, startSandbox } from '../sandbox.ts';

// Compares the table of docs/doctor.md, "Which variable wins", with the tools.

let sandbox: Sandbox;
/** Whose key has signed, by its id. */
const owners = new Map<string, string>();

beforeAll(async () => {
  const bob = newSandboxUser(ACCOUNT_ID, 'bob');
  sandbox = await startSandbox({ users: [bob] });
  const session = sandbox.sts.issue('alice', 3600);
  const bytes = withSession(await readFile(sandbox.credentialsFile), 'mfa', session);
  await writeFile(sandbox.credentialsFile, bytes);
  const other = sandbox.sts.issue('bob', 3600);
  owners.set(session.accessKeyId, 'the profile');
  owners.set(sandbox.alice.accessKeyId, '[default]');
  owners.set(other.accessKeyId, 'the variables');
  Object.assign(KEYS, {
    AWS_ACCESS_KEY_ID: other.accessKeyId,
    AWS_SECRET_ACCESS_KEY: other.secretAccessKey,
    AWS_SESSION_TOKEN: other.sessionToken,
  });
});
afterAll(() => sandbox.close());

/** Those of another session. */
const KEYS: Record<string, string> = {};

/** Each gets the situations as JSON, and prints as a line of JSON the ids of the keys that it would sign with. */
const JAVASCRIPT = `
  import { STSClient } from '@aws-sdk/client-sts';
  const found = [];
  for (const { named, variables } of JSON.parse(process.argv[1])) {
    Object.assign(process.env, variables);
    const client = new STSClient({ ...(named && { profile: named }), region: 'eu-west-1' });
    found.push(await client.config.credentials().then(({ accessKeyId }) => accessKeyId, () => null));
    for (const name of Object.keys(variables)) delete process.env[name];
  }
  console.log(JSON.stringify(found));
`;
const PYTHON = `
import boto3, botocore.exceptions, json, os, sys
found = []
for situation in json.loads(sys.argv[1]):
    os.environ.update(situation["variables"])
    try:
        found.append(boto3.Session(profile_name=situation.get("named")).get_credentials().access_key)
    except botocore.exceptions.BotoCoreError:
        found.append(None)
    for name in situation["variables"]:
        del os.environ[name]
print(json.dumps(found))
`;

interface Situation {
  what: string;
  /** The profile that is given to the tool itself. */
  named?: string;
  variables: Record<string, string>;
  /** Who signs, by botocore and by the SDK for JavaScript. */
  botocore: string;
  javaScript: string;
  /** By the AWS CLI 2, where that is another than botocore's. */
  cli2?: string;
}

function situations(): Situation[] {
  const profile = 'the profile';
  const keys = 'the variables';
  const usual = '[default]';
  const both = { AWS_PROFILE: 'mfa', AWS_DEFAULT_PROFILE: 'default' };
  const half = { AWS_ACCESS_KEY_ID: KEYS.AWS_ACCESS_KEY_ID ?? '' };
  return [
    { what: 'a profile that is named', named: 'mfa', variables: KEYS, botocore: profile, javaScript: profile },
    {
      what: 'AWS_PROFILE beside keys',
      variables: { ...KEYS, AWS_PROFILE: 'mfa' },
      botocore: keys,
      javaScript: profile,
    },
    { what: 'both profiles', variables: both, botocore: usual, javaScript: profile, cli2: profile },
    { what: 'keys alone', variables: KEYS, botocore: keys, javaScript: keys },
    { what: 'AWS_PROFILE alone', variables: { AWS_PROFILE: 'mfa' }, botocore: profile, javaScript: profile },
    {
      what: 'AWS_DEFAULT_PROFILE alone',
      variables: { AWS_DEFAULT_PROFILE: 'mfa' },
      botocore: profile,
      javaScript: usual,
    },
    { what: 'half a key', variables: half, botocore: 'nobody', javaScript: usual },
    { what: 'a token alone', variables: { AWS_SESSION_TOKEN: 'x' }, botocore: usual, javaScript: usual },
    { what: 'nothing', variables: {}, botocore: usual, javaScript: usual },
  ];
}

const nameOf = (key: string | null | undefined) => (key ? (owners.get(key) ?? key) : 'nobody');

async function output(program: string, words: string[], variables: NodeJS.ProcessEnv = {}): Promise<string> {
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const env = { ...sandbox.env, ...variables };
  return new Promise((resolve) => {
    execFile(program, words, { env, cwd, timeout: 20_000 }, (_error, stdout, stderr) => resolve(stdout || stderr));
  });
}

describe('the order of variables that doctor describes', () => {
  it('the order of variables is as doctor describes for the AWS SDK for JavaScript', async () => {
    const all = situations();
    const words = ['--input-type=module', '-e', JAVASCRIPT, '--', JSON.stringify(all)];
    const found: string[] = JSON.parse(await output(process.execPath, words)).map(nameOf);
    expect(all.map(({ what }, index) => [what, found[index]])).toEqual(
      all.map(({ what, javaScript }) => [what, javaScript]),
    );
  });

  it('the order of variables is as doctor describes for boto3', needs('python3:boto3'), async () => {
    const all = situations();
    const found: string[] = JSON.parse(await output('python3', ['-c', PYTHON, JSON.stringify(all)])).map(nameOf);
    expect(all.map(({ what }, index) => [what, found[index]])).toEqual(
      all.map(({ what, botocore }) => [what, botocore]),
    );
  });

  it('the order of variables is as doctor describes for the AWS CLI', needs('aws'), async () => {
    const isSecond = /^aws-cli\/2/.test(await output('aws', ['--version']));
    for (const { what, named, variables, botocore, cli2 = botocore } of situations().slice(0, 3)) {
      const before = sandbox.sts.requests.length;
      const profile = named === undefined ? [] : ['--profile', named];
      const words = [
        'sts',
        'get-caller-identity',
        '--endpoint-url',
        sandbox.sts.url,
        '--region',
        'eu-west-1',
        ...profile,
      ];
      await output('aws', words, variables);
      expect([what, nameOf(sandbox.sts.requests[before]?.accessKeyId)]).toEqual([what, isSecond ? cli2 : botocore]);
    }
  });
});
