import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pinentry } from '../../src/ask/pinentry.ts';
import { built } from '../built.ts';
import { answered, asking, request } from '../desktop/asking.ts';
import { needs } from '../needs.ts';
import { holds, within } from '../within.ts';

/** The real ones are tried in `test/desktop/dialogs.test.ts`; this one answers as none does on demand. */
const PROGRAM = (getpin: string) => `#!/bin/sh
echo "OK Pleased to meet you"
while read -r line; do
  printf '%s\\n' "$line" >> "$LISTENED"
  case $line in
    GETINFO*) printf 'D windows\\nOK\\n' ;;
    GETPIN) ${getpin} ;;
    OPTION*) echo "ERR 83886254 Unknown option <Pinentry>" ;;
    BYE) echo OK; exit ;;
    *) echo OK ;;
  esac
done
`;

describe.skipIf(process.platform === 'win32')('pinentry', () => {
  let folder: string;
  const listened = () => join(folder, 'listened');
  const environment = (): NodeJS.ProcessEnv => ({ PATH: `${folder}:/usr/bin:/bin`, LISTENED: listened() });
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pinentry-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const answering = async (getpin: string) => {
    await rm(listened(), { force: true });
    await writeFile(join(folder, 'pinentry'), PROGRAM(getpin), { mode: 0o755 });
    return pinentry(environment());
  };

  it.each([
    ['a code', "printf 'D 123456\\nOK\\n'", { kind: 'code', code: '123456' }],
    ['a code with escapes', "printf 'D 123%%20456\\nOK\\n'", { kind: 'code', code: '123456' }],
    ['a code in pieces', "printf 'S HINT x\\nD 123\\nD 456\\nOK\\n'", { kind: 'code', code: '123456' }],
    ['cancelled', 'echo "ERR 83886179 Operation cancelled <Pinentry>"', { kind: 'dismissed' }],
    ['timeout', 'echo "ERR 83886142 Timeout <Pinentry>"', { kind: 'dismissed' }],
    ['another error', 'echo "ERR 83886340 No pinentry <GCR>"', { kind: 'unavailable', reason: 'No pinentry <GCR>' }],
    ['nothing', 'exit 0', { kind: 'unavailable', reason: 'ended without an answer' }],
    ['a crash', 'kill -SEGV $$', { kind: 'unavailable', reason: expect.stringContaining('SIGSEGV') }],
  ])('pinentry is understood when it answers %s', async (_, getpin, answer) => {
    const way = await answering(getpin);
    expect(await way.ask(request(), asking())).toEqual(answer);
  });

  it('pinentry gets every text on a line of its own, within the length limit of its protocol', async () => {
    const way = await answering("printf 'D 123456\\nOK\\n'");
    await way.ask(request({ profile: 'ü%\n'.repeat(2000), problem: '100 %\r\nBYE' }), asking());
    const lines = (await readFile(listened(), 'utf8')).trim().split('\n');
    expect(lines).toContain('SETERROR 100 %25 BYE');
    expect(lines.filter((line) => line.startsWith('BYE'))).toHaveLength(2);
    expect(Math.max(...lines.map((line) => Buffer.byteLength(line)))).toBeLessThanOrEqual(1000);
  });

  it('pinentry is ended when it does not react and the prompt is closed', async () => {
    const way = await answering(': > "$LISTENED"; trap "" TERM; while :; do sleep 0.1; done');
    const question = asking();
    const answer = way.ask(request(), question);
    await holds(async () => expect(await readFile(listened(), 'utf8').catch(() => undefined)).toBe(''));
    question.withdraw();
    expect(await answered(answer)).toEqual({ kind: 'dismissed' });
  });

  it('pinentry without windows is not used unless it may use our terminal', async () => {
    await writeFile(join(folder, 'pinentry'), '#!/bin/sh\nprintf "OK\\nD gtk2:curses\\nOK\\n"\n', { mode: 0o755 });
    const here = { ...environment(), PATH: folder };
    expect(await pinentry(here).unfit()).toBe('cannot open a window here');
  });
});

describe('pinentry on a terminal', needs('pinentry-gtk-2', 'script'), () => {
  it('pinentry asks on the terminal, and not without one', async () => {
    const program = `
      import { pinentry } from '${built('ask/pinentry.ts')}';
      const way = pinentry({ PATH: process.env.PATH, LANG: 'C.UTF-8', TERM: 'xterm' }, true);
      const answer = await way.ask(${JSON.stringify(request())}, { signal: new AbortController().signal, onChange() {} });
      console.log('answer', JSON.stringify(answer));
    `;
    const file = await mkdtemp(join(tmpdir(), 'pinentry-'));
    await writeFile(join(file, 'program.mjs'), program);
    const line = `'${process.execPath}' '${join(file, 'program.mjs')}'`;
    try {
      const session = spawn('script', ['-qec', line, '/dev/null'], { env: { ...process.env, SHELL: '/bin/sh' } });
      let written = '';
      session.stdout.on('data', (chunk: Buffer) => {
        const before = written;
        written += chunk.toString();
        if (!before.includes('<OK>') && written.includes('<OK>')) session.stdin.write('123456\r');
      });
      await within('the end of the program', once(session, 'close'), () => written);
      expect(written).toContain('123456789012');
      expect(written).toContain('answer {"kind":"code","code":"123456"}');

      const without = spawn(process.execPath, [join(file, 'program.mjs')], {
        detached: true,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let told = '';
      without.stdout.on('data', (chunk: Buffer) => {
        told += chunk.toString();
      });
      await within('the end of the program', once(without, 'close'), () => told);
      expect(told).toContain('"reason":"cannot open a window here, and there is no terminal"');
    } finally {
      await rm(file, { recursive: true });
    }
  });
});
