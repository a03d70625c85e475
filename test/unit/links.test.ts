import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const pages = ['.', 'docs', 'packaging', 'test']
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  .filter((path) => path.endsWith('.md'));

/** The page without its blocks of code. */
const textOf = (page: string) => readFileSync(page, 'utf8').replace(/^( *)```.*\n(?:.*\n)*?\1```$/gm, '');

/** The commands in the blocks of code of a page, without their comments. */
const commandsIn = (page: string) =>
  [...readFileSync(page, 'utf8').matchAll(/^```\n((?:.*\n)*?)```$/gm)].flatMap(([, block = '']) =>
    block
      .trim()
      .split('\n')
      .map((line) => line.replace(/ +# .*/, '')),
  );

/** The anchors that GitHub gives to the headings of a page. */
const anchorsOf = (page: string) =>
  [...textOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );

/** What the page links to, but for the web. */
const linksIn = (page: string) =>
  [...textOf(page).matchAll(/\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"/g)]
    .map(([, link, attribute]) => link ?? attribute ?? '')
    .filter((link) => !/^\w+:/.test(link));

describe('the documentation', () => {
  it('the documentation links to files and headings that exist', () => {
    const links = pages.flatMap((page) => linksIn(page).map((link) => ({ page, link })));
    expect(links.length).toBeGreaterThan(60);
    const dead = links.filter(({ page, link }) => {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
    });
    expect(dead).toEqual([]);
  });

  it('the documentation has a link in README.md or another page to each page', () => {
    const linked = pages.flatMap((page) => linksIn(page).map((link) => join(dirname(page), link.split('#')[0] ?? '')));
    expect(pages.filter((page) => page.startsWith('docs/') && !linked.includes(page))).toEqual([]);
  });

  it('the documentation in Portuguese names the same commands as in English', () => {
    const commands = commandsIn('README.md');
    expect(commands).toContain('npm run demo');
    expect(commandsIn('README.pt-BR.md')).toEqual(commands);
  });
});
