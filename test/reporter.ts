import { DefaultReporter, type TestModule } from 'vitest/node';
import { debianPackages } from './needs.ts';

/** The default reporter, whose summary begins with what was skipped, what is missing for it, and what passed at the second try. */
export default class Reporter extends DefaultReporter {
  override reportTestSummary(...rest: Parameters<DefaultReporter['reportTestSummary']>): void {
    const modules = this.ctx.state.getTestModules();
    for (const line of [...skippedIn(modules), ...triedAgainIn(modules)]) this.log(line);
    super.reportTestSummary(...rest);
  }
}

/** Two lines for each test that passed at the second try only, with the error of the first: see `retry` in vitest.config.ts. */
function triedAgainIn(modules: TestModule[]): string[] {
  const lines = modules.flatMap((module) =>
    [...module.children.allTests()]
      .filter((test) => test.result().state === 'passed' && test.diagnostic()?.retryCount)
      .map((test) => {
        const [error = ''] = test.result().errors?.[0]?.message.split('\n') ?? [];
        return `   ${module.relativeModuleId}, "${test.fullName}"\n     ${error}`;
      }),
  );
  return lines.length === 0 ? [] : ['', ' Failed at first, and passed at the second try:', ...lines];
}

/** The tests that one missing thing concerns. */
interface Concerned {
  skipped: number;
  /** They ran, but prove less without it. */
  weaker: number;
  files: Set<string>;
}

/** A line for what is missing, and one for how to have it. */
function skippedIn(modules: TestModule[]): string[] {
  const packages = debianPackages();
  const missing = new Map<string, Concerned>();
  const others: string[] = [];
  for (const module of modules) {
    const file = module.relativeModuleId.replace(/^test\//, '');
    for (const test of module.children.allTests()) {
      const { state, ...result } = test.result();
      const lacks = test.meta().lacks ?? [];
      if (state === 'skipped' && lacks.length === 0) {
        const note = 'note' in result && result.note ? `: ${result.note}` : '';
        others.push(`   for reasons of its own, "${test.fullName}"${note}`);
      }
      for (const name of new Set(lacks.map((one) => packages.get(one) ?? one))) {
        const { skipped, weaker, files } = missing.get(name) ?? { skipped: 0, weaker: 0, files: new Set() };
        const isSkipped = state === 'skipped' ? 1 : 0;
        missing.set(name, { skipped: skipped + isSkipped, weaker: weaker + 1 - isSkipped, files: files.add(file) });
      }
    }
  }
  if (missing.size + others.length === 0) return [];

  // What concerns the same tests is one line.
  const lines = new Map<string, string[]>();
  for (const [name, { skipped, weaker, files }] of [...missing].sort()) {
    const counts = [skipped && `${skipped} skipped`, weaker && `${weaker} proving less`].filter(Boolean).join(', ');
    const [first = '', second, ...more] = [...files].sort();
    const where = [first, second, more.length > 0 && `${more.length} other files`].filter(Boolean).join(', ');
    const what = `${counts}: ${where}`;
    lines.set(what, [...(lines.get(what) ?? []), name]);
  }
  const installable = [...new Set(packages.values())].filter((name) => missing.has(name)).sort();
  const command = `sudo apt-get install --no-install-recommends ${installable.join(' ')}`;
  return [
    '',
    ' Missing here, and the tests that it concerns:',
    ...[...lines].map(([what, names]) => `   ${names.join(', ')}\n     ${what}`),
    ...others,
    ...(installable.length > 0 ? [` To install the packages: ${command}`] : []),
  ];
}
