/**
 * Reading fields of objects of any author: the right type, or undefined.
 */

export type Fields = Readonly<Record<string, unknown>>;

const EMPTY: Fields = {};
const NONE: readonly Fields[] = [];

/** The value as an object; an empty one for anything else. */
export const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : EMPTY;

/** The objects in an array; anything else in it is passed over. */
export function listOf(value: unknown): readonly Fields[] {
  if (!Array.isArray(value)) return NONE;
  // Nearly always it holds nothing else, and need not be copied. (`every` would pass over a hole, which is none.)
  for (const item of value) if (!isObject(item)) return value.filter(isObject);
  return value;
}

const isObject = (item: unknown): item is Fields => typeof item === 'object' && item !== null;

export const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

export const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;

/** String values by key; anything else is passed over. */
export function stringsOf(value: unknown): Readonly<Record<string, string>> {
  const fields = fieldsOf(value);
  if (isAllText(fields)) return fields;
  return Object.fromEntries(Object.entries(fields).filter((entry) => typeof entry[1] === 'string')) as Record<
    string,
    string
  >;
}

/** Of what the API server lets through it always is: then nothing need be copied. */
function isAllText(fields: Fields): fields is Readonly<Record<string, string>> {
  for (const key in fields) if (typeof fields[key] !== 'string') return false;
  return true;
}

const RFC_3339 = /^\d{4}-\d{2}-\d{2}T.*(Z|[+-]\d{2}:\d{2})$/;

/** A Kubernetes timestamp in ms since the epoch, or undefined: `5` would be a day in 2001. */
export function timeOf(value: unknown): number | undefined {
  const ms = typeof value === 'string' && RFC_3339.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** The text parsed as JSON, or undefined where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * True where two values out of JSON say the same, in whatever order. Costs no more than `a` has fields, beside one look
 * at how many `b` has.
 */
export function isSameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [one, other] = [a as Fields, b as Fields];
  let count = 0;
  for (const key in one) {
    if (!Object.hasOwn(other, key) || !isSameJson(one[key], other[key])) return false;
    count += 1;
  }
  return count === Object.keys(other).length;
}

/** A part of a text as a text of its own: else it keeps all of that text in memory. */
export const ownText = (part: string): string => Buffer.from(part, 'utf16le').toString('utf16le');

/** The first `lengthMax` units of a text, which may be three lines of a megabyte. */
export const cutText = (text: string, lengthMax: number): string =>
  text.length <= lengthMax ? text : ownText(text.slice(0, lengthMax));

/** What could end a line, move a cursor or turn the direction of writing on a screen. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** A text of others, for people: the first `lengthMax` units of it, with what cannot be printed as its number. */
export const plainText = (text: string, lengthMax: number): string =>
  cutText(text, lengthMax).replace(UNPRINTABLE, (found) => `\\u{${found.codePointAt(0)?.toString(16)}}`);
