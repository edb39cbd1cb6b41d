/** The quorum set that is written by hand: table QUORUM_SET, every table inside it an inner set. */
import { type Fields, fieldsOf } from '../field.ts';
import { QuorumProblem, shownValue } from './quorum-problem.ts';
import type { QuorumTree } from './quorum-tree.ts';

/** stellar-core's own limits: four levels of sets below the outermost one, a thousand validators in all. */
const LEVEL_MAX = 4;
export const LEAVES_MAX = 1000;
const THRESHOLD_PERCENT_DEFAULT = 67n;

export const PUBLIC_KEY = /^G[A-Z2-7]{55}$/;
const ALIAS = /^\$\S+$/;

/** The names and aliases that were read so far in all sets: each validator may be named once. */
interface Seen {
  readonly leaves: Set<string>;
  readonly names: Set<string>;
}

export interface HandSet {
  readonly tree: QuorumTree;
  /** The validators that the set names, by key, or by alias if no key is known; without `$self`. */
  readonly named: ReadonlySet<string>;
}

/** stellar-core's name for the node itself. A set by hand includes the node only if it has this name. */
const SELF = '$self';

/** The names in one entry: `$alias`, or a key and the alias made by a word behind it; none if it is neither. */
function namesIn(entry: unknown): readonly string[] {
  if (typeof entry !== 'string') return [];
  if (ALIAS.test(entry)) return [entry];
  const [key = '', name] = entry.trim().split(/\s+/);
  if (!PUBLIC_KEY.test(key)) return [];
  return name === undefined ? [key] : [key, `$${name}`];
}

function readLeaf(entry: unknown, place: string, seen: Seen): void {
  const names = namesIn(entry);
  const problem = (what: string) =>
    new QuorumProblem(what, place, typeof entry === 'string' ? entry : undefined);
  if (names.length === 0) throw problem(`${shownValue(entry)} names no validator`);
  if (names.some((name) => seen.names.has(name))) throw problem(`${shownValue(entry)} is named twice`);
  for (const name of names) seen.names.add(name);
  seen.leaves.add(names[0] ?? '');
  if (seen.leaves.size > LEAVES_MAX) throw problem(`more than ${LEAVES_MAX} validators`);
}

/** The threshold is n·percent/100 rounded up. Integers come as bigint: stellar-core refuses 67.0. */
function thresholdOf(children: number, percent: unknown, place: string): number {
  if (typeof percent !== 'bigint' || percent < 1n || percent > 100n)
    throw new QuorumProblem('THRESHOLD_PERCENT is no whole number from 1 to 100', place);
  return 1 + Math.floor((children * Number(percent) - 1) / 100);
}

function treeOf(set: Fields, path: readonly string[], seen: Seen): QuorumTree {
  const { THRESHOLD_PERCENT: percent = THRESHOLD_PERCENT_DEFAULT, VALIDATORS: leaves = [], ...rest } = set;
  const place = path.join('.');
  const problem = (what: string) => new QuorumProblem(`${shownValue(path.at(-1))} ${what}`, place);
  if (path.length - 1 > LEVEL_MAX) throw problem('is nested too deep');
  const list = `${place}.VALIDATORS`;
  if (!Array.isArray(leaves)) throw new QuorumProblem('VALIDATORS is no list', list);
  for (const leaf of leaves) readLeaf(leaf, list, seen);
  // A value that is not a table reads as an empty set, which is refused.
  const inner = Object.entries(rest).map(([key, value]) => treeOf(fieldsOf(value), [...path, key], seen));
  const children = leaves.length + inner.length;
  if (children === 0) throw problem('is an empty set, or no table');
  const threshold = thresholdOf(children, percent, `${place}.THRESHOLD_PERCENT`);
  return { threshold, validators: leaves.length, inner };
}

/** The set in a table QUORUM_SET. NODE_NAMES of the same text gives the keys behind aliases. Throws QuorumProblem. */
export function readByHand(table: unknown, nodeNames: unknown): HandSet {
  const seen: Seen = { leaves: new Set(), names: new Set() };
  const tree = treeOf(fieldsOf(table), ['QUORUM_SET'], seen);
  seen.leaves.delete(SELF);
  const keys = keysByAlias(nodeNames);
  return { tree, named: new Set([...seen.leaves].map((name) => keys.get(name) ?? name)) };
}

/** Operators choose aliases independently, so the same validator may have several. */
function keysByAlias(nodeNames: unknown): ReadonlyMap<string, string> {
  const entries = Array.isArray(nodeNames) ? nodeNames.map(namesIn) : [];
  return new Map(entries.flatMap(([key, alias]) => (key && alias ? [[alias, key]] : [])));
}
