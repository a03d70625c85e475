import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { botocoreFaults } from '../../src/doctor/botocore.ts';
import { sample } from '../formats/files.ts';
import { startBotocore } from '../formats/readings.ts';
import { needs } from '../needs.ts';

const RUNS = Number(process.env.FORMATS_RUNS ?? 3_000);
const SEED = Number(process.env.FORMATS_SEED ?? Date.now() % 1_000_000_000);

test(`doctor finds a fault in exactly those of ${RUNS} files that botocore rejects`, {
  ...needs('python3:botocore'),
  timeout: 120_000,
}, async () => {
  const botocore = startBotocore();
  onTestFinished(() => botocore.stop());
  const files = fc.sample(sample, { numRuns: RUNS, seed: SEED }).map(({ bytes }) => bytes);
  const readings = await botocore.read(files);
  const kinds = new Map<string, number>();
  for (const [index, bytes] of files.entries()) {
    const faults = botocoreFaults(bytes);
    const reading = readings[index];
    const context = `seed ${SEED}, file ${index}: ${JSON.stringify(bytes.toString())}\n${JSON.stringify(faults)}\n`;
    expect(`${context}${typeof reading === 'string' ? reading : 'read'}`).toMatch(
      faults.length > 0 ? /(Error|Exception)$/ : /read$/,
    );
    for (const { kind } of faults) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  // Else the files prove nothing.
  expect([...kinds.keys()].sort()).toEqual(['bom', 'encoding', 'key', 'nested', 'section', 'stray', 'top']);
});
