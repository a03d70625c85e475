import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const REFUSED = {
  'src/policy/quiet.ts': [
    ...['../cli/output.ts', '../run-command.ts', '../start-child.ts', '../package-file.ts', '../time/pause.ts'],
    ...['fs', 'node:fs', 'pino', '../session/state.ts', '../credentials/section.ts'],
  ],
  'src/credentials/edit.ts': ['../cli/output.ts', '../time/clock.ts', '../session/state.ts', '../settings/forms.ts'],
  'src/session/session.ts': ['./state.ts', '../files/read.ts', '../run-command.ts', 'child_process'],
  'src/session/state.ts': ['../cli/output.ts', '../policy/plan.ts'],
  'src/agent/agent.ts': ['../cli/output.ts', '../control/client.ts'],
  'src/ask/browser/browser.ts': ['../../cli/options.ts', '../../refresh/refresh.ts'],
  'src/package-file.ts': ['./sandbox/sts.ts', './commands/env.ts'],
  'src/run-command.ts': ['./time/pause.ts'],
  'src/start-child.ts': ['./files/read.ts'],
  'src/plain.ts': ['./files/make-folder.ts', 'node:fs'],
};

const ACCEPTED = {
  'src/policy/plan.ts': ['./quiet.ts', '../plain.ts', '../session/session.ts', '../time/duration.ts'],
  'src/credentials/document.ts': ['./section.ts', '../errors.ts', '../session/expiry.ts'],
  'src/session/expiry.ts': ['./session.ts', '../credentials/section.ts', '../time/instant.ts'],
  'src/session/state.ts': ['node:path', '../files/read.ts', './session.ts'],
  'src/ask/browser/browser.ts': ['../../cli/output.ts', '../ask.ts', 'node:http'],
  'src/run-command.ts': ['./cli/output.ts', './start-child.ts', 'node:fs'],
  'src/cli.ts': ['./commands/env.ts'],
};

it('the lint rules of biome.rooms.json refuse imports against the direction, and effects in the pure rooms', async () => {
  expect(await refusedImports(REFUSED)).toEqual(written(REFUSED));
  expect(await refusedImports(ACCEPTED)).toEqual([]);
});

/** Returns `FILE: IMPORT` for each import. */
function written(files: Record<string, string[]>): string[] {
  return Object.entries(files)
    .flatMap(([file, imports]) => imports.map((one) => `${file}: ${one}`))
    .sort();
}

/** Returns `FILE: IMPORT` for each import that the rules refuse. */
async function refusedImports(files: Record<string, string[]>): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'rooms-'));
  try {
    const rooms = JSON.parse(await readFile('biome.rooms.json', 'utf8'));
    await writeFile(join(folder, 'biome.json'), JSON.stringify({ ...rooms, root: true }));
    for (const [file, imports] of Object.entries(files)) {
      await mkdir(join(folder, dirname(file)), { recursive: true });
      await writeFile(join(folder, file), imports.map((one) => `import '${one}';\n`).join(''));
    }
    const biome = resolve('node_modules/.bin/biome');
    const lint = ['lint', '--only=style/noRestrictedImports', '--reporter=json', '--max-diagnostics=none', 'src'];
    // It ends with status 1 if it refuses something.
    const { stdout } = await promisify(execFile)(biome, lint, { cwd: folder }).catch((error) => error);
    const { diagnostics } = JSON.parse(stdout) as {
      diagnostics: { location: { path: string; start: { line: number } } }[];
    };
    return diagnostics.map(({ location: { path, start } }) => `${path}: ${files[path]?.[start.line - 1]}`).sort();
  } finally {
    await rm(folder, { recursive: true });
  }
}
