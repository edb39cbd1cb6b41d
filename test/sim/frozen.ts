/**
 * JSON values that are shared instead of copied: frozen to the last leaf, so that no reader can change what another
 * sees, and compared with a short cut where two share a part.
 */

/**
 * The value itself where it is frozen already (to the last leaf, since nothing else here freezes), else a frozen
 * copy; what is undefined is left out, as in JSON.
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

/** True if both are the same JSON: what is undefined is not there. */
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

/** The fields of an object that is there, else none. */
export const fieldsAt = (value: unknown): Readonly<Record<string, unknown>> => (isFields(value) ? value : {});
