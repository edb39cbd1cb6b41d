/** Tables for people. Each column is as wide as its widest cell. */
import { stripVTControlCharacters } from 'node:util';

/** How many columns a text takes on a screen. */
const widthOf = (text: string): number => stripVTControlCharacters(text).length;

/** The rows as lines. */
export function table(rows: ReadonlyArray<readonly string[]>): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
  }
  const line = (row: readonly string[]) =>
    row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell))).join('  ');
  return `${rows.map((row) => line(row).trimEnd()).join('\n')}\n`;
}

/** The rows as lines, indented by two spaces. */
export const indented = (rows: ReadonlyArray<readonly string[]>): string =>
  table(rows).replace(/^(?=.)/gm, '  ');
