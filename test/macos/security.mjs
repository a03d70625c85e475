// A stand-in for macOS's `security`, with its keychain in the JSON file `$KEYCHAIN`. It reads lines and arguments by the rules of
// Apple's SecurityTool, and notes its arguments in `$KEYCHAIN.arguments`. `$KEYCHAIN.locked`: nothing can be read.
import { appendFileSync, existsSync, readFileSync, writeFileSync, writeSync } from 'node:fs';

const { KEYCHAIN } = process.env;
const items = existsSync(KEYCHAIN) ? JSON.parse(readFileSync(KEYCHAIN, 'utf8')) : {};
const words = process.argv.slice(2);
appendFileSync(`${KEYCHAIN}.arguments`, `${JSON.stringify(words)}\n`);
let status = 0;
if (words[0] === '-i') {
  for (const line of readFileSync(0, 'utf8').split('\n')) {
    if (Buffer.byteLength(line) >= 4095) throw new Error('a line that is too long');
    const split = wordsOf(line);
    if (split.length > 0) status = command(split);
  }
} else status = command(words);
process.exit(status);

/** Quotes count only where a word begins, and end it. A backslash keeps the next character, in quotes and outside. */
function wordsOf(line) {
  const found = [];
  for (let at = 0; at < line.length; ) {
    if (/\s/.test(line[at])) {
      at += 1;
      continue;
    }
    const quote = /["']/.test(line[at]) ? line[at++] : undefined;
    let word = '';
    for (; at < line.length && (quote ? line[at] !== quote : !/\s/.test(line[at])); at++) {
      if (line[at] === '\\') at += 1;
      word += line[at] ?? '';
    }
    if (quote) at += 1;
    found.push(word);
  }
  return found;
}

function command([verb, ...rest]) {
  const option = (name) => (rest.includes(name) ? rest[rest.indexOf(name) + 1] : undefined);
  const id = JSON.stringify([option('-s'), option('-a')]);
  const item = items[id];
  switch (verb) {
    case 'add-generic-password':
      if (item && !rest.includes('-U')) return 45;
      items[id] = { label: option('-l'), data: option('-X') };
      writeFileSync(KEYCHAIN, JSON.stringify(items));
      return 0;
    case 'find-generic-password':
      if (!item) return 44;
      if (!rest.includes('-w')) writeSync(1, `class: "genp"\nattributes:\n    0x00000007 <blob>="${item.label}"\n`);
      else if (existsSync(`${KEYCHAIN}.locked`)) return 36;
      else {
        const text = Buffer.from(item.data, 'hex').toString();
        writeSync(1, `${/^[ -~]*$/.test(text) ? text : item.data}\n`);
      }
      return 0;
    case 'delete-generic-password':
      if (!item) return 44;
      delete items[id];
      writeFileSync(KEYCHAIN, JSON.stringify(items));
      return 0;
  }
  return 2;
}
