// A stand-in for launchd: keeps one job alive. Arguments: its property list, and the file for its state.
import { spawn } from 'node:child_process';
import { openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

const [file, jobFile] = process.argv.slice(2);
const list = readFileSync(file, 'utf8');
const plain = (text) => text.replaceAll('&gt;', '>').replaceAll('&lt;', '<').replaceAll('&amp;', '&');
const strings = (key, kind) =>
  [
    ...new RegExp(`<key>${key}</key>\\s*<${kind}>([\\s\\S]*?)</${kind}>`)
      .exec(list)[1]
      .matchAll(/<(?:key|string)>([^<]*)</g),
  ].map(([, text]) => plain(text));
const [program, ...words] = strings('ProgramArguments', 'array');
const pairs = strings('EnvironmentVariables', 'dict');
const variables = Object.fromEntries(pairs.flatMap((name, n) => (n % 2 ? [] : [[name, pairs[n + 1]]])));
const label = plain(/<key>Label<\/key>\s*<string>([^<]*)/.exec(list)[1]);
const log = plain(/<key>StandardErrorPath<\/key>\s*<string>([^<]*)/.exec(list)[1]);
/** `MAC_THROTTLE` is ThrottleInterval, in milliseconds: 60 s would be too long for a test. */
const { HOME, NODE_OPTIONS, MAC, MAC_PATH, MAC_SPOILT, MAC_THROTTLE = '300' } = process.env;

let job = { launchd: process.pid, file, runs: 0 };
const tell = (change) => {
  job = { ...job, ...change };
  writeFileSync(`${jobFile}.new`, JSON.stringify(job));
  renameSync(`${jobFile}.new`, jobFile);
};
let child;
const run = () => {
  const env = { HOME, NODE_OPTIONS, MAC, ...variables, PATH: `${MAC_PATH}:${variables.PATH}`, XPC_SERVICE_NAME: label };
  // A setting that only the agent sees.
  if (MAC_SPOILT) env.AWS_MFA_AGENT_CONFIG = MAC_SPOILT;
  child = spawn(program, words, { env, stdio: ['ignore', 'ignore', openSync(log, 'a')] });
  tell({ pid: child.pid, runs: job.runs + 1 });
  child.once('exit', (status, signal) => {
    tell({ pid: undefined, status: status ?? `(signal ${signal})` });
    if (status !== 0) setTimeout(run, Number(MAC_THROTTLE));
  });
};
run();
process.once('SIGTERM', () => {
  const end = () => {
    rmSync(jobFile);
    process.exit();
  };
  if (job.pid === undefined) end();
  child.removeAllListeners('exit').once('exit', end).kill();
});
