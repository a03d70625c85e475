/**
 * Returns the known name that the user most likely meant.
 * @returns undefined if none is similar: more than a third of its letters, or more than three, would have to change
 */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: { name: string; distance: number } | undefined;
  for (const name of known) {
    const distance = editDistance(word.toLowerCase().replaceAll('-', '_'), name);
    if (distance <= Math.min(3, name.length / 3) && distance < (best?.distance ?? Infinity)) best = { name, distance };
  }
  return best?.name;
}

/** Returns the Levenshtein distance: how many letters to insert, delete or replace to change one word into the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...from].entries()) {
    let diagonal = index;
    let left = index + 1;
    row = row.map((above, column) => {
      if (column === 0) return left;
      left = Math.min(above + 1, left + 1, diagonal + (letter === to[column - 1] ? 0 : 1));
      diagonal = above;
      return left;
    });
  }
  return row[to.length] ?? 0;
}
