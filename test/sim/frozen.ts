/**
 * JSON values that are shared instead of copied. They are frozen with all their parts, so no reader can change a value of
 * another. Comparisons are fast for values with shared parts.
 */

/**
 * The value itself if it is frozen already, else a frozen copy. Only this function freezes, so a frozen value is frozen
 * with all its parts. Leaves out undefined fields, as JSON does.
 */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  const copy = Array.isArray(value) ? value.map(frozen) : frozenFields(value as Record<string, unknown>);
  Object.freeze(copy);
  return copy as T;
}

function frozenFields(value: Record<string, unknown>): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const field = value[key];
    if (field !== undefined) copy[key] = frozen(field);
  }
  return copy;
}

export const isFields = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** True if both are the same JSON. Undefined fields do not count. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  }
  if (!isFields(a) || !isFields(b)) return false;
  for (const key of Object.keys(a)) if (!isSame(a[key], b[key])) return false;
  for (const key of Object.keys(b)) if (b[key] !== undefined && a[key] === undefined) return false;
  return true;
}

/** The fields of an object; none for any other value. */
export const fieldsAt = (value: unknown): Readonly<Record<string, unknown>> => (isFields(value) ? value : {});
