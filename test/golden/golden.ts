/** Texts kept as files: UPDATE_GOLDEN=1 writes what is there now. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';

/** Holds that `text` is what stands in the file, which is named from this folder on. */
export function assertGolden(file: string, text: string): void {
  const path = new URL(file, import.meta.url);
  if (process.env.UPDATE_GOLDEN) writeFileSync(path, text);
  assert.equal(text, readFileSync(path, 'utf8'));
}
