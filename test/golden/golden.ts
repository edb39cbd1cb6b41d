/** Expected texts in files. UPDATE_GOLDEN=1 writes the present texts. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';

/** Asserts that `text` is the content of the file, whose path is relative to this folder. */
export function assertGolden(file: string, text: string): void {
  const path = new URL(file, import.meta.url);
  if (process.env.UPDATE_GOLDEN) writeFileSync(path, text);
  assert.equal(text, readFileSync(path, 'utf8'));
}
