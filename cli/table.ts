/**
 * Columns for people: each as wide as its widest cell.
 */
import { greatestOf } from '../peers/lists.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one
const COLOURS = /\u001b\[\d+m/g;

/** How many columns a text takes on a screen. */
const widthOf = (text: string): number => text.replace(COLOURS, '').length;

/** The rows as lines. */
export function table(rows: ReadonlyArray<readonly string[]>): string {
  const columns = greatestOf(
    rows.map((row) => row.length),
    0,
  );
  const widths = Array.from({ length: columns }, (_, column) =>
    greatestOf(rows.map((row) => widthOf(row[column] ?? ''))),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell)))
      .join('  ')
      .trimEnd();
  return `${rows.map(line).join('\n')}\n`;
}
