import type { Command } from 'commander';

/**
 * Returns the words of a command line with the two dashes of `exec` where the user left them out. commander takes every option
 * before the dashes for ours, also those of the command.
 */
export function withDashes(words: readonly string[], program: Command): readonly string[] {
  const exec = program.commands.find((command) => command.name() === 'exec');
  if (!exec || words.includes('--')) return words;
  const valued = [...program.options, ...exec.options].flatMap(({ required, long }) =>
    required && long ? [long] : [],
  );
  /** `exec`, and the profile, also if an option names it. */
  let named = 0;
  for (let place = 0; place < words.length; place++) {
    const word = words[place] ?? '';
    if (/^--profile(=|$)/.test(word)) named++;
    if (valued.includes(word)) place++;
    else if (word.startsWith('-')) continue;
    else if (named === 0 && word !== exec.name()) return words;
    else if (named === 2) return [...words.slice(0, place), '--', ...words.slice(place)];
    else named++;
  }
  return words;
}
