import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { GLOBAL, OF_PROFILE } from '../../src/settings/unknown-settings.ts';
import { needs } from '../needs.ts';

const ROOT = new URL('../../', import.meta.url);
const package_ = JSON.parse(await readFile(new URL('package.json', ROOT), 'utf8'));
const PAGE = fileURLToPath(new URL(package_.man[0], ROOT));

const program = createProgram();
const help = program.createHelp();

/** The variables that the sources name; those of AWS's and the desktop's families also where only their names are passed on. */
function variablesInSources(): string[] {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((path) => /\.[jt]s$/.test(path));
  const names = files.flatMap((path) => {
    const text = readFileSync(`src/${path}`, 'utf8');
    const taken = [...text.matchAll(/\{([^{}]*)\}(?: = (?:process\.env|env|environment)\b|: NodeJS\.ProcessEnv)/g)];
    return [
      ...[...text.matchAll(/\b(?:env|environment)\??\.([A-Z][A-Z_]+)\b/g)].map(([, name = '']) => name),
      ...taken.flatMap(([, members = '']) => members.match(/\b[A-Z][A-Z_]+\b/g) ?? []),
      ...[...text.matchAll(/'((?:AWS|DBUS|GDK|GTK|LC|QT|XDG)_[A-Z_]+[A-Z])'/g)].map(([, name = '']) => name),
    ];
  });
  // Only set, for the SDK.
  return [...new Set(names)].filter((name) => !name.startsWith('AWS_SDK_')).sort();
}

describe('the man page', () => {
  it('the man page has every variable that the program reads or sets', () => {
    const page = readFileSync(PAGE, 'utf8');
    const environment = page.slice(page.indexOf('.SH ENVIRONMENT'), page.indexOf('.SH EXIT STATUS'));
    const variables = variablesInSources();
    expect(variables.length).toBeGreaterThan(70);
    expect(variables.filter((name) => !new RegExp(`\\b${name}\\b`).test(environment))).toEqual([]);
  });

  it('the man page is in the package, in a list, without which npm does not link it to where man looks', () => {
    expect(package_.files).toContain('dist');
    expect(package_.man[0]).toMatch(/^dist\/.*\.1$/);
  });

  it('the man page is accepted by groff without a warning', needs('groff'), () => {
    const { stdout, stderr, status } = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-z', PAGE], { encoding: 'utf8' });
    expect({ stdout, stderr, status }).toEqual({ stdout: '', stderr: '', status: 0 });
  });

  it('the man page is accepted by mandoc without a warning', needs('mandoc'), () => {
    const { stdout, status } = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', PAGE], { encoding: 'utf8' });
    expect({ stdout, status }).toEqual({ stdout: '', status: 0 });
  });

  // The man of macOS has no such options.
  describe('the man page as man shows it', needs('Linux', 'man'), () => {
    const shown = () =>
      execFileSync('man', ['--warnings', '-l', PAGE], {
        encoding: 'utf8',
        env: { ...process.env, MANWIDTH: '5000', MAN_KEEP_FORMATTING: '', LC_ALL: 'C.UTF-8' },
        stdio: ['ignore', 'pipe', 'inherit'],
      });

    it('the man page has every command with its options and arguments, described as in --help', () => {
      const page = shown();
      for (const command of help.visibleCommands(program)) {
        const section = page.split(/\n(?= {0,3}\S)/).find((part) => part.startsWith(`   ${command.name()}\n`));
        expect(section).toContain(command.description());
        for (const option of help.visibleOptions(command).filter(({ long }) => long !== '--help')) {
          expect(section).toContain(option.long);
          expect(section).toContain(help.optionDescription(option));
        }
        for (const argument of command.registeredArguments) {
          expect(section).toContain(help.argumentDescription(argument));
        }
      }
      for (const { long, description } of help.visibleOptions(program)) {
        expect(page).toMatch(new RegExp(`${long}.*\n *${description.replace(/[()./]/g, '\\$&')}`));
      }
    });

    it('the man page has every setting', () => {
      const page = shown();
      const settings = page.slice(page.indexOf('\nSETTINGS'), page.indexOf('\nFILES'));
      for (const setting of [...GLOBAL, ...OF_PROFILE]) expect(settings).toMatch(new RegExp(`^ +${setting}\\b`, 'm'));
    });

    it('the man page shows quotes, dashes and other characters as they are typed', () => {
      expect(shown()).toContain('eval "$(aws-mfa-agent env)"');
      expect(shown()).not.toMatch(/[“”‘’]|undefined|\\|@[A-Z]/);
    });
  });
});
