// The figures of the design as ratios against a named reference in the same run: `npm run build && npm run bench`.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseCredentials } from '../build/credentials/document.js';
import { withSession } from '../build/credentials/edit.js';
import { changeCredentials } from '../build/files/replace.js';
import { newSandboxUser } from '../build/sandbox/account.js';
import { startSandboxSts } from '../build/sandbox/sts.js';
import { authenticator } from '../build/sandbox/totp.js';
import { NODE_FLAGS } from '../build/service/start.js';
import { sessionIn, stateAt } from '../build/session/session.js';
import { missing, windowTimes } from './window.mjs';

const PROGRAM = fileURLToPath(new URL('../dist/cli.cjs', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'aws-mfa-agent-bench-'));
const credentials = join(home, 'credentials');
const session = {
  accessKeyId: 'ASIAEXAMPLEEXAMPLE22',
  secretAccessKey: 's'.repeat(40),
  sessionToken: `${'t'.repeat(400)}==`,
  expiration: Date.now() + 43_200_000,
};

const user = newSandboxUser('123456789012', 'alice');
const sts = await startSandboxSts({ accountId: '123456789012', users: [user], tolerance: 50 });
const device = user.mfa[0];
const env = {
  PATH: process.env.PATH,
  HOME: home,
  XDG_RUNTIME_DIR: join(home, 'run'),
  AWS_SHARED_CREDENTIALS_FILE: credentials,
  AWS_CONFIG_FILE: join(home, 'config'),
  AWS_ENDPOINT_URL_STS: sts.url,
  AWS_DEFAULT_REGION: 'eu-west-1',
};
writeFileSync(env.AWS_CONFIG_FILE, `[default]\nmfa_serial = ${device.serialNumber}\n`);
writeFileSync(
  credentials,
  `[default]\naws_access_key_id = ${user.accessKeyId}\naws_secret_access_key = ${user.secretAccessKey}\n`,
);
let step = -40;
const nextCode = () => authenticator(device.secret).code(Date.now() + 30_000 * step++);

const row = (what, value, reference, goal) =>
  process.stdout.write(
    `${what.padEnd(58)} ${value.toFixed(1).padStart(8)} ${reference.toFixed(1).padStart(8)}  ${(value / reference).toFixed(2).padStart(5)}  ${goal}\n`,
  );
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Milliseconds of whole processes with a reader, started in turn so that the machine's moods meet both. */
async function processes(rounds, ...commands) {
  const times = commands.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, command] of commands.entries()) {
      const words = typeof command === 'function' ? command() : command;
      const start = performance.now();
      for (const [program, ...rest] of words) {
        const ended = await new Promise((resolve) => {
          const child = spawn(program, rest, { env, stdio: ['ignore', 'pipe', 'ignore'] }).on('close', resolve);
          child.stdout.resume();
        });
        if (ended !== 0) throw new Error(`${program} ${rest.join(' ')} ended with ${ended}`);
      }
      times[index].push(performance.now() - start);
    }
  }
  return times.map(median);
}

/** Node, of which no other process shares a page: what is measured is what the agent costs where nothing else is Node. */
const ownNode = join(home, 'node');
copyFileSync(process.execPath, ownNode);

const numberIn = (id, file, name) =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${id}/${file}`, 'utf8'))[1]);

/** Private memory (USS) of a process, in MB. */
const privateMemory = ({ pid }) =>
  (numberIn(pid, 'smaps_rollup', 'Private_Clean') + numberIn(pid, 'smaps_rollup', 'Private_Dirty')) / 1024;

/** How often the main thread of a process wakes up in ten seconds. */
async function wakeUps({ pid }) {
  const before = numberIn(pid, 'status', 'voluntary_ctxt_switches');
  await setTimeout(10_000);
  return numberIn(pid, 'status', 'voluntary_ctxt_switches') - before;
}

/** Runs node while `measure` runs. */
async function running(words, measure) {
  const child = spawn(ownNode, words, { env, stdio: 'ignore' });
  try {
    return await measure(child);
  } finally {
    const ended = once(child, 'exit');
    child.kill();
    await ended;
  }
}

/** The agent as `install` starts it. */
const AGENT = [...NODE_FLAGS, PROGRAM, 'run'];
const agentAnswers = async () => {
  while (spawnSync(process.execPath, [PROGRAM, 'status', '--json'], { env }).stdout.includes('"agent": null'))
    await setTimeout(100);
};

const settingsFile = join(home, '.config/aws-mfa-agent/config.ini');
function writeSettings(text) {
  mkdirSync(dirname(settingsFile), { recursive: true });
  writeFileSync(settingsFile, text);
}

/** Milliseconds until `exec --server` has answered one request, and all of 1,000 requests at once. */
async function requestTimes() {
  const code = "console.log(JSON.stringify(process.env)); process.stdin.resume().on('end', () => process.exit())";
  const words = [PROGRAM, 'exec', '--server', '--', process.execPath, '-e', code];
  const child = spawn(process.execPath, words, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  const { AWS_CONTAINER_CREDENTIALS_FULL_URI: url, AWS_CONTAINER_AUTHORIZATION_TOKEN: token } = JSON.parse(line);
  const { host, port, pathname } = new URL(url);
  const request = `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${token}\r\n\r\n`;
  const answered = async () => {
    const client = connect(Number(port), '127.0.0.1', () => client.write(request));
    if (!(await text(client)).startsWith('HTTP/1.1 200 ')) throw new Error('exec --server did not answer');
  };
  const time = async (count) => {
    const start = performance.now();
    await Promise.all(Array.from({ length: count }, answered));
    return performance.now() - start;
  };
  const times = { one: [], thousand: [] };
  for (let round = 0; round < 15; round++) {
    // Longer than the server repeats an answer.
    await setTimeout(60);
    times.one.push(await time(1));
  }
  for (let round = 0; round < 5; round++) times.thousand.push(await time(1_000));
  child.stdin.end();
  await once(child, 'exit');
  return { one: median(times.one), thousand: median(times.thousand) };
}

/** Packages, and MB on the disk, of a global installation from what would be published. */
function installed() {
  const npm = (...words) => execFileSync('npm', words, { stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' });
  const [{ filename }] = JSON.parse(npm('pack', '--json', '--ignore-scripts', '--pack-destination', home));
  npm('install', '--global', '--prefix', join(home, 'prefix'), '--no-audit', '--no-fund', join(home, filename));
  const root = join(home, 'prefix/lib/node_modules/aws-mfa-agent');
  const { length } = execFileSync('find', [root, '-name', 'package.json', '-path', '*/node_modules/*'], {
    encoding: 'utf8',
  })
    .split('\n')
    .filter((path) => /node_modules\/(@[^/]+\/)?[^/@]+\/package\.json$/.test(path.slice(root.length)));
  const size = Number(execFileSync('du', ['-sk', root], { encoding: 'utf8' }).split('\t')[0]) / 1024;
  return { packages: length, size };
}

try {
  const node = process.execPath;
  process.stdout.write(`${'what'.padEnd(58)} ${'here'.padStart(8)} ${'there'.padStart(8)}  ratio  goal\n`);

  // Short commands with a fresh session: without an agent, with a `check` that only node-cron can judge, and with an agent.
  const goal = Number(process.versions.node.split('.')[0]) < 22 ? '<= 1.35' : '<= 1.25';
  const ratios = async (what, names, limit) => {
    const [bare, ...ours] = await processes(50, [[node, '-e', '0']], ...names.map((name) => [[node, PROGRAM, name]]));
    for (const [index, name] of names.entries()) row(`${name}${what}: ms, against node -e 0`, ours[index], bare, limit);
  };
  writeFileSync(credentials, withSession(readFileSync(credentials), 'mfa', session));
  await ratios('', ['env', 'credential-process'], goal);
  await ratios(' without an agent', ['status'], goal);
  writeSettings('check = 7-59/9 8-20 * * MON-FRI\n');
  await ratios(' with an unusual check', ['env', 'credential-process'], goal);
  rmSync(settingsFile);
  await running(AGENT, async () => {
    await agentAnswers();
    await ratios(' with an agent', ['status'], '<= 1.5');
  });

  const awsThere = spawnSync('aws', ['--version']).status === 0;
  const set = (key) => ['aws', 'configure', 'set', key, 'x', '--profile', 'byhand'];
  const byHand = () => [
    ['aws', 'sts', 'get-session-token', '--serial-number', device.serialNumber, '--token-code', nextCode()],
    set('aws_access_key_id'),
    set('aws_secret_access_key'),
    set('aws_session_token'),
  ];
  const refreshed = () => [[node, PROGRAM, 'refresh', '--force', '--token-code', nextCode()]];
  if (awsThere) {
    const [refresh, aws] = await processes(3, refreshed, byHand);
    row('refresh, whole process: ms, against aws sts + 3 x set', refresh, aws, '<= 0.125');
  } else process.stdout.write('refresh: not measured, the AWS CLI is not here\n');

  for (const profiles of [1, 1_000, 10_000]) {
    const profile = (name) =>
      `[${name}]\naws_access_key_id = ASIAEXAMPLEEXAMPLE22\naws_secret_access_key = ${'s'.repeat(40)}\naws_session_token = ${'t'.repeat(356)}\nexpiration = 2030-01-01T00:00:00Z\n\n`;
    const file = join(home, `credentials-${profiles}`);
    writeFileSync(file, Array.from({ length: profiles }, (_, index) => profile(`p${index}`)).join(''));
    const [mine, plain] = [[], []];
    for (let round = 0; round < 15; round++) {
      let start = performance.now();
      await changeCredentials(file, (bytes) =>
        withSession(bytes, `p${Math.floor(profiles / 2)}`, {
          ...session,
          expiration: session.expiration + round * 1000,
        }),
      );
      mine.push(performance.now() - start);
      start = performance.now();
      const bytes = readFileSync(file);
      const descriptor = openSync(`${file}.tmp`, 'w', 0o600);
      writeSync(descriptor, bytes);
      fsyncSync(descriptor);
      closeSync(descriptor);
      renameSync(`${file}.tmp`, file);
      const folder = openSync(home, 'r');
      fsyncSync(folder);
      closeSync(folder);
      plain.push(performance.now() - start);
    }
    row(`rewrite of one profile in ${profiles}: ms, against a plain one`, median(mine), median(plain), '<= 1.5');
    if (profiles !== 1_000) continue;
    const checks = [];
    for (let round = 0; round < 15; round++) {
      const start = performance.now();
      const document = parseCredentials(readFileSync(file));
      for (let index = 0; index < profiles; index++)
        stateAt(sessionIn(document.profile(`p${index}`)), Date.now(), 900_000);
      checks.push(performance.now() - start);
    }
    row('one check over 1,000 MFA profiles: ms, against 25 ms', median(checks), 25, '<= 1');
  }

  writeFileSync(credentials, withSession(readFileSync(credentials), 'mfa', session));
  const { one, thousand } = await requestTimes();
  row('exec --server, one request: ms, against 20 ms', one, 20, '<= 1');
  row('exec --server, 1,000 requests at once: ms, against 500 ms', thousand, 500, '<= 1');

  const bare = await running(['-e', 'setInterval(() => {}, 2 ** 30)'], async (child) => {
    await setTimeout(5_000);
    return { memory: privateMemory(child), wakes: await wakeUps(child) };
  });
  const wakes = await running(AGENT, async (child) => {
    await agentAnswers();
    // Ten seconds between two checks.
    await setTimeout(60_000 - (Date.now() % 60_000) + 5_000);
    return wakeUps(child);
  });
  process.stdout.write(
    `idle agent: ${wakes} wake-ups in ten seconds between two checks, bare node ${bare.wakes} (goal: 0)\n`,
  );

  // Ten checks, five calls of status, and a refresh: it asks for a code, gets one, calls STS, writes, and rests.
  writeSettings(`check = * * * * * *\n[mfa]\nmfa_process = cat ${join(home, 'code')}\n`);
  writeFileSync(join(home, 'code'), nextCode());
  writeFileSync(credentials, withSession(readFileSync(credentials), 'mfa', { ...session, expiration: Date.now() }));
  const granted = () => sts.requests.filter(({ outcome }) => outcome === 'granted').length;
  const before = granted();
  const memory = await running(AGENT, async (child) => {
    while (granted() === before) await setTimeout(100);
    for (let call = 0; call < 5; call++) spawnSync(node, [PROGRAM, 'status'], { env });
    await setTimeout(12_000);
    return privateMemory(child);
  });
  row(
    'agent after ten checks, five status calls and a refresh:',
    memory,
    bare.memory,
    `+ ${(memory - bare.memory).toFixed(1)} MB (<= 3)`,
  );

  if (missing().length === 0) {
    const times = await windowTimes(home, 15);
    row('our window until the code is typed: ms, against zenity', median(times.window), median(times.zenity), '<= 1.5');
  } else process.stdout.write(`our window: not measured, not installed: ${missing().join(', ')}\n`);

  const { packages, size } = installed();
  process.stdout.write(`installed: ${packages} packages beside our own, ${size.toFixed(1)} MB\n`);
} finally {
  await sts.close();
  rmSync(home, { recursive: true, force: true });
}
