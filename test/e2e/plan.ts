/** Decides which end-to-end tests run in parallel, and which alone. Reads the folder, so new files are included. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const HERE = import.meta.dirname;
/** Tests that need the whole machine: one has many validators, the other 200 reviews a second of which none may fail. */
const ALONE = ['networks.test.ts', 'no-failed-call.test.ts'];

interface Plan {
  /** Groups (files that share a control plane) and the files in no group; paths from this folder. Groups take longest. */
  readonly sideBySide: readonly string[];
  readonly alone: readonly string[];
  /** Files that a group imports. */
  readonly inGroups: readonly string[];
}

const testsIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.test.ts'))
    .sort();

function membersOf(group: string): string[] {
  const text = readFileSync(join(HERE, 'groups', group), 'utf8');
  return [...text.matchAll(/^import '\.\.\/(.+)';$/gm)].map(([, name = '']) => name);
}

export function endToEndTests(): Plan {
  const groups = testsIn(join(HERE, 'groups'));
  const inGroups = groups.flatMap(membersOf);
  const others = testsIn(HERE).filter((name) => !inGroups.includes(name) && !ALONE.includes(name));
  const sideBySide = [...groups.map((name) => join('groups', name)), ...others];
  return { sideBySide, alone: ALONE, inGroups };
}
