/**
 * How much of the memory what is kept of an object takes. Pure.
 */

/** Of a text, a list or an object, beside what is in it: about what V8 takes on 64 bits. */
const EACH_BYTES = 24;

/** V8 keeps a text with one such letter in two bytes a letter. */
const WIDE = /[\u0100-\uffff]/;

/** About how many bytes a value out of JSON takes. */
export function weightOf(value: unknown): number {
  if (typeof value === 'string') return EACH_BYTES + value.length * (WIDE.test(value) ? 2 : 1);
  if (typeof value !== 'object' || value === null) return 8;
  let bytes = EACH_BYTES;
  const fields = value as Readonly<Record<string, unknown>>;
  for (const key in fields) bytes += key.length + weightOf(fields[key]);
  return bytes;
}
