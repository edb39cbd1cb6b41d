/** Reads fields of objects that any tenant may have written: a value of the right type, or undefined. */

export type Fields = Readonly<Record<string, unknown>>;

const EMPTY: Fields = {};
const NONE: readonly Fields[] = [];

/** The value as an object; an empty object for any other type. */
export const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : EMPTY;

/** The objects in an array, without its other items. */
export const listOf = (value: unknown): readonly Fields[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'object' && item !== null) : NONE;

export const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** The texts in an array, without its other items. */
export const textsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];

export const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;

/** String values by key, without values of other types. */
export function stringsOf(value: unknown): Readonly<Record<string, string>> {
  const fields = fieldsOf(value);
  if (isAllText(fields)) return fields;
  return Object.fromEntries(Object.entries(fields).filter((entry) => typeof entry[1] === 'string')) as Record<
    string,
    string
  >;
}

/** True for all that the API server accepts, so that nothing need be copied. */
function isAllText(fields: Fields): fields is Readonly<Record<string, string>> {
  for (const key in fields) if (typeof fields[key] !== 'string') return false;
  return true;
}

const RFC_3339 = /^\d{4}-\d{2}-\d{2}T.*(Z|[+-]\d{2}:\d{2})$/;

/** A Kubernetes timestamp in ms since the epoch, or undefined. Date.parse alone would read `5` as a day in 2001. */
export function timeOf(value: unknown): number | undefined {
  const ms = typeof value === 'string' && RFC_3339.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** The text parsed as JSON, or undefined if it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** True if two JSON values are equal. Takes time by the number of fields of `a`, not of `b`, which others make. */
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

/** A copy of a part of a text. Without the copy, the part would keep the whole text in memory. */
export const ownText = (part: string): string => Buffer.from(part, 'utf16le').toString('utf16le');

/** The first `lengthMax` UTF-16 units of a text. */
export const cutText = (text: string, lengthMax: number): string =>
  text.length <= lengthMax ? text : ownText(text.slice(0, lengthMax));

/** The beginning of a foreign text, in quotes. */
export const quoted = (text: string): string => JSON.stringify(text.slice(0, 60));

/** Characters that could end a line, move the cursor or change the direction of writing. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** A foreign text that is safe to show: the first `lengthMax` units, with unprintable characters as `\u{…}`. */
export const plainText = (text: string, lengthMax: number): string =>
  cutText(text, lengthMax).replace(UNPRINTABLE, (found) => `\\u{${found.codePointAt(0)?.toString(16)}}`);
