/**
 * Runs the end-to-end tests, three at a time: groups of files that share a control plane (groups/), and the other files
 * with their own. Files that need the whole machine run alone at the end.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { endToEndTests } from './plan.ts';

/** The limit for a file or a group: three times what the longest of them takes. */
const TIMEOUT_MS = 1_200_000;

/** Runs the files; true if all passed. */
function pass(files: readonly string[], concurrency: number): boolean {
  const flags = [`--test-concurrency=${concurrency}`, `--test-timeout=${TIMEOUT_MS}`, '--test-reporter=spec'];
  const paths = files.map((name) => join(import.meta.dirname, name));
  return spawnSync(process.execPath, ['--test', ...flags, ...paths], { stdio: 'inherit' }).status === 0;
}

const { sideBySide, alone } = endToEndTests();
const passed = [pass(sideBySide, 3), pass(alone, 1)];
process.exitCode = passed.every(Boolean) ? 0 : 1;
