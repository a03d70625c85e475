/**
 * Leaves what V8 compiles of the short commands beside their file, where `cli.cjs` finds it (see rolldown.config.mjs): they
 * then start in less time. Runs after a build, when a package is installed, and at `aws-mfa-agent install`; its output is of no use.
 *
 * V8 compiles a function when it is first called. So this calls the commands, with made-up files in a temporary folder and a
 * made-up agent.
 */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import type { AgentReport } from './control/messages.ts';

/** What the file of the short commands exports. */
type Commands = typeof import('./commands/status.ts') &
  typeof import('./commands/env.ts') &
  typeof import('./commands/credential-process.ts');

const folder = fileURLToPath(new URL('.', import.meta.url));
const name = readdirSync(folder).find((one) => /^short-.*\.cjs$/.test(one));
if (name === undefined) throw new Error(`the short commands are missing in ${folder}`);
const file = join(folder, name);

const home = mkdtempSync(join(tmpdir(), 'aws-mfa-agent-'));
compile()
  .then((data) => {
    const temporary = `${file}.${process.pid}.new`;
    // Whole, or not at all: V8 does not notice a wrong byte.
    writeFileSync(temporary, data, { mode: 0o644, flush: true });
    renameSync(temporary, `${file}.${process.arch}-${process.versions.v8}.compiled`);
  })
  .finally(() => rmSync(home, { recursive: true }));

async function compile(): Promise<Buffer> {
  const require = createRequire(file);
  const { wrap } = require('node:module');
  const script = new Script(wrap(readFileSync(file, 'utf8')), { filename: file });
  const commands = {} as Commands;
  script.runInThisContext()(commands, require, { exports: commands }, file, folder);

  const end = Date.now() + 36_000_000;
  // None of the user's own files is read.
  for (const variable of Object.keys(process.env)) delete process.env[variable];
  Object.assign(process.env, { HOME: home, XDG_RUNTIME_DIR: home, AWS_MFA_AGENT_NO_DEFAULTS: '1' });
  mkdirSync(join(home, '.aws'));
  writeFileSync(
    join(home, '.aws', 'credentials'),
    `# made up
[default]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
mfa_serial = arn:aws:iam::123456789012:mfa/alice

[mfa]
aws_access_key_id = ASIAIOSFODNN7EXAMPLE
aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
aws_session_token = ${'x'.repeat(300)}
expiration = ${new Date(end).toISOString()}
`,
  );
  const report: AgentReport = {
    pid: 1,
    version: '0',
    profiles: [{ profile: 'mfa', state: 'fresh', expiration: end, standing: { standing: 'fresh' } }],
  };
  mkdirSync(join(home, 'aws-mfa-agent'));
  const agent = createServer((_, response) => response.end(JSON.stringify(report)));
  agent.listen(join(home, 'aws-mfa-agent', 'agent.sock'));
  // The path may be too long for a socket.
  await once(agent, 'listening').catch(() => {});
  await commands.status([], {});
  await commands.env(undefined, {});
  await commands.credentialProcess(undefined, {});
  agent.close();
  return script.createCachedData();
}
