/**
 * Reads a validator's quorumSet and says how many of its members may be down. Owns the text's form and the
 * arithmetic; which validators are down, and what follows from it, is decided elsewhere.
 */
import { parse } from 'smol-toml';
import { type Fields, fieldsOf } from './field.ts';

const TEXT_LENGTH_MAX = 64 * 1024;
/** stellar-core's own limits: four levels of sets below the outermost one, a thousand validators in all. */
const LEVEL_MAX = 4;
const LEAVES_MAX = 1000;
const THRESHOLD_PERCENT_DEFAULT = 67n;

const PUBLIC_KEY = /^G[A-Z2-7]{55}$/;
const ALIAS = /^\$\S+$/;

/** What was read so far, over all sets: how many validators, and every key and alias given to one. */
interface Seen {
  leaves: number;
  readonly names: Set<string>;
}

/** Integers come as bigint, so that 67.0, which stellar-core refuses, is not taken for 67. */
function quorumSetIn(text: string): Fields {
  try {
    return fieldsOf(parse(text, { integersAsBigInt: true }).QUORUM_SET);
  } catch {
    return {};
  }
}

/** The names in one entry: `$alias`, or a key and the alias made by a word behind it; none if it is neither. */
function namesIn(entry: unknown): readonly string[] {
  if (typeof entry !== 'string') return [];
  if (ALIAS.test(entry)) return [entry];
  const [key = '', name] = entry.trim().split(/\s+/);
  if (!PUBLIC_KEY.test(key)) return [];
  return name === undefined ? [key] : [key, `$${name}`];
}

/** Whether the entry names a validator that nothing has named yet, and there are not too many already. */
function isNewLeaf(entry: unknown, seen: Seen): boolean {
  const names = namesIn(entry);
  if (names.length === 0 || names.some((name) => seen.names.has(name))) return false;
  for (const name of names) seen.names.add(name);
  seen.leaves += 1;
  return seen.leaves <= LEAVES_MAX;
}

const isPercent = (value: unknown): value is bigint =>
  typeof value === 'bigint' && value >= 1n && value <= 100n;

/** The threshold is n·percent/100 rounded up; one child more than the rest of n blocks it. */
function smallestBlocking(children: readonly number[], percent: bigint): number {
  const threshold = 1 + Math.floor((children.length * Number(percent) - 1) / 100);
  const cheapest = [...children].sort((a, b) => a - b).slice(0, children.length - threshold + 1);
  return cheapest.reduce((sum, size) => sum + size, 0);
}

/** The size of the set's smallest blocking set; undefined where it, or a set in it, cannot be read. */
function blockingSize(set: Fields, level: number, seen: Seen): number | undefined {
  const { THRESHOLD_PERCENT: percent = THRESHOLD_PERCENT_DEFAULT, VALIDATORS: leaves = [], ...inner } = set;
  if (level > LEVEL_MAX || !isPercent(percent) || !Array.isArray(leaves)) return undefined;
  if (!leaves.every((leaf) => isNewLeaf(leaf, seen))) return undefined;
  const sizes: number[] = leaves.map(() => 1);
  for (const value of Object.values(inner)) {
    // What is no table reads as an empty set, and an empty set is unreadable.
    const size = blockingSize(fieldsOf(value), level + 1, seen);
    if (size === undefined) return undefined;
    sizes.push(size);
  }
  return sizes.length === 0 ? undefined : smallestBlocking(sizes, percent);
}

/**
 * How many validators of a quorumSet (`spec.validatorConfig.quorumSet`, TOML) may be down before it can no
 * longer be satisfied: the size of its smallest blocking set, less one. Read as stellar-core's Config::loadQset
 * does: table QUORUM_SET, every sub-table an inner set, 67 percent where nothing is said. Undefined where the
 * text cannot be read so: no TOML, no such table (its keys alone are not taken for one), an empty set, a value
 * of another type, a validator named twice, too deep or too large.
 */
export function toleranceOf(text: string): number | undefined {
  if (text.length > TEXT_LENGTH_MAX) return undefined;
  const size = blockingSize(quorumSetIn(text), 0, { leaves: 0, names: new Set() });
  return size === undefined ? undefined : size - 1;
}
