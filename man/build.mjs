// Writes dist/aws-mfa-agent.1: the page beside this file, with what `--help` says and the table of settings filled in.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createProgram } from '../build/cli/program.js';
import { releaseDate } from '../packaging/release-date.mjs';

const root = new URL('..', import.meta.url);
const read = (path) => readFileSync(new URL(path, root), 'utf8');

const program = createProgram();
const help = program.createHelp();
const parts = {
  DATE: releaseDate(),
  VERSION: escaped(program.version()),
  DESCRIPTION: paragraph(escaped(program.description())),
  OPTIONS: help.visibleOptions(program).map(optionEntry).join('\n'),
  COMMANDS: help.visibleCommands(program).map(commandEntry).join('\n'),
  SETTINGS: settingsTable().map(settingEntry).join('\n'),
};
const page = read('man/aws-mfa-agent.1').replace(/@([A-Z]+)@/g, (_, part) => parts[part]);
writeFileSync(new URL('dist/aws-mfa-agent.1', root), page);

function commandEntry(command) {
  const options = help.visibleOptions(command).filter(({ long }) => long !== '--help');
  const places = help.visibleArguments(command).filter(({ description }) => description);
  return [
    `.SS ${command.name() === 'help' ? 'help' : escaped(command.name())}`,
    // On the way to the usage, what a person can put there is in italics.
    `.B aws\\-mfa\\-agent ${escaped(command.name())}`,
    ...usageOf(command),
    '.PP',
    paragraph(escaped(command.description())),
    ...places.map((place) => entry(`\\fI${escaped(place.name())}\\fR`, help.argumentDescription(place))),
    ...options.map(optionEntry),
  ].join('\n');
}

/** What follows the name of the command. */
function usageOf(command) {
  const usage = command.usage().trim();
  return usage === '' ? [] : [paragraph(escaped(usage).replace(/[\w.]+(?:\\-\w+)*(?=[\]>])/g, '\\fI$&\\fR'))];
}

function optionEntry(option) {
  const [flags, value] = option.flags.split(/(?= [<[])/);
  const names = flags.split(', ').map((name) => `\\fB${escaped(name)}\\fR`);
  const shown = value === undefined ? '' : ` \\fI${escaped(value.replace(/[<>[\]\s]/g, ''))}\\fR`;
  return entry(`${names.join(', ')}${shown}`, help.optionDescription(option));
}

function entry(term, description) {
  return `.TP\n${term}\n${paragraph(escaped(description))}`;
}

/** The rows of the table of settings, wherever it is in the documentation. */
function settingsTable() {
  const pages = ['README.md', ...readdirSync(new URL('docs', root)).map((name) => `docs/${name}`)];
  for (const path of pages.filter((name) => name.endsWith('.md'))) {
    const table = /^\| setting \| default \| meaning \|\n\|[- |]+\|\n((?:\|.*\n)+)/m.exec(read(path))?.[1];
    if (table) return table.trimEnd().split('\n');
  }
  throw new Error('no page has the table of settings: | setting | default | meaning |');
}

function settingEntry(row) {
  const [setting, standard, meaning] = row
    .slice(1, -1)
    .split(' | ')
    .map((cell) => cell.trim());
  const sentence = `${meaning}. Default: ${standard}.`;
  return `.TP\n${marked(setting)}\n${paragraph(marked(sentence))}`;
}

/** Markdown's code and links as a page of man has them. */
function marked(text) {
  return escaped(
    text.replace(/\[(?:([^\]]+\.md)|([^\]]+))\]\([^)]+\)/g, (_, page, words) => (page ? `docs/${page}` : words)),
  ).replace(/\\\(ga(.*?)\\\(ga/g, '\\fB$1\\fR');
}

/** As groff_char(7) and groff_man_style(7) want it, so that what is copied from the page is what was meant. */
function escaped(text) {
  const names = { '\\': '\\e', '-': '\\-', '"': '\\(dq', "'": '\\(aq', '`': '\\(ga', '^': '\\(ha', '~': '\\(ti' };
  return text
    .replace(/[\\\-"'`^~]/g, (sign) => names[sign])
    .replace(/[^\x20-\x7e]/gu, (sign) => `\\[u${sign.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}]`);
}

/** A line that began with a dot would be a request. */
function paragraph(text) {
  return text.replace(/^\./, '\\&.');
}
