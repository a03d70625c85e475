// A stand-in for launchctl: prints as much as the real one, and ends with its exit statuses and messages. $MAC is the folder of a
// stand-in Mac (mac.ts). answers.json there lists exit statuses to end with first: {"bootstrap": [5, 37]}.
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const { MAC } = process.env;
const [verb, first = '', second = ''] = process.argv.slice(2);
const jobFile = (target) => join(MAC, `job ${target.split('/').at(-1)}`);
const jobOf = (target) => {
  try {
    return JSON.parse(readFileSync(jobFile(target), 'utf8'));
  } catch {
    return undefined;
  }
};

function fail(status, message) {
  process.stderr.write(`${message}\n`);
  process.exit(status);
}

const FAILURES = {
  3: 'failed: 3: No such process',
  5: 'failed: 5: Input/output error\nTry re-running the command as root for richer errors.',
  37: 'failed: 37: Operation already in progress',
  125: 'failed: 125: Domain does not support specified action\nTry re-running the command as root for richer errors.',
};

appendFileSync(join(MAC, 'calls'), `${process.argv.slice(2).join(' ')}\n`);
const answers = JSON.parse(readFileSync(join(MAC, 'answers.json'), 'utf8'));
const isDomain = verb === 'print' && !/\/.*\//.test(first);
const planned = answers[isDomain ? 'print domain' : verb]?.shift();
if (planned !== undefined) writeFileSync(join(MAC, 'answers.json'), JSON.stringify(answers));
if (planned === 'hangs') await pause(60_000);
else if (planned === 'later') {
  // A real launchctl often does not wait for the end of the job.
  process.kill(jobOf(first).launchd);
  fail(36, 'Boot-out failed: 36: Operation now in progress');
} else if (planned === 112) fail(112, 'Bad request.\nCould not find domain for user gui: 501');
else if (planned) fail(planned, `${verb === 'bootout' ? 'Boot-out' : 'Bootstrap'} ${FAILURES[planned] ?? planned}`);

switch (verb) {
  case 'print': {
    if (isDomain) {
      process.stdout.write(`${first} = {\n${'\t0x0 (pended)\tcom.apple.some.endpoint.of.a.service\n'.repeat(3000)}}\n`);
      break;
    }
    const job = jobOf(first);
    if (!job)
      fail(113, `Bad request.\nCould not find service "${first.split('/').at(-1)}" in domain for user gui: 501`);
    const running = job.pid === undefined ? 'not running' : 'running';
    const pid = job.pid === undefined ? '' : `\tpid = ${job.pid}\n`;
    process.stdout.write(
      `${first} = {\n\tactive count = 1\n\tpath = ${job.file}\n\ttype = LaunchAgent\n\tstate = ${running}\n\n` +
        `\tresource coalition = {\n\t\tpid = 1\n\t\tlast exit code = 9\n\t}\n${pid}\truns = ${job.runs}\n` +
        `\tlast exit code = ${job.status ?? '(never exited)'}\n}\n`,
    );
    break;
  }
  case 'print-disabled':
    process.stdout.write(
      `\n\tdisabled services = {\n\t\t"com.apple.some.agent" => disabled\n\t\t"io.github.aws-mfa-agent" => ${existsSync(join(MAC, 'disabled')) ? 'disabled' : 'enabled'}\n\t}\n`,
    );
    break;
  case 'managername':
    process.stdout.write('Aqua\n');
    break;
  case 'bootstrap': {
    const label = /<key>Label<\/key>\s*<string>([^<]*)/.exec(readFileSync(second, 'utf8'))?.[1];
    if (jobOf(label)) fail(5, `Bootstrap ${FAILURES[5]}`);
    const launchd = fileURLToPath(new URL('launchd.mjs', import.meta.url));
    spawn(process.execPath, [launchd, second, jobFile(label)], { detached: true, stdio: 'ignore' }).unref();
    while (!existsSync(jobFile(label))) await pause(10);
    break;
  }
  case 'bootout': {
    const job = jobOf(first);
    if (!job) fail(3, `Boot-out ${FAILURES[3]}`);
    process.kill(job.launchd);
    while (existsSync(jobFile(first))) await pause(10);
  }
}
