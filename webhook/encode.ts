/**
 * Operations → the JSON Patch in base64, as an answer carries it. Nine tenths of a patch are the same for every pod,
 * the script that merges configurations above all: those parts are encoded once.
 *
 * Base64 takes three bytes at a time, so each part is filled up with blanks, which JSON does not mind, to a multiple of
 * three; the encoded parts can then be put one after the other.
 */

/** RFC 6902 operation. */
export interface PatchOperation {
  readonly op: 'add' | 'replace';
  /** JSON Pointer (RFC 6901). */
  readonly path: string;
  readonly value: unknown;
}

const encoded = (json: string): string => {
  const lacking = -Buffer.byteLength(json) % 3;
  return Buffer.from(json + ' '.repeat(lacking === 0 ? 0 : 3 + lacking)).toString('base64');
};

const OPEN = encoded('[');
const COMMA = encoded(',');
const CLOSE = encoded(']');

/** Pods of validators differ little in where things go; one that has a thousand containers is not remembered. */
const PATHS_MAX = 16;

/** Values that are the same object for every pod → the operations made of them so far, by operation and path. */
const lasting = new WeakMap<object, Map<string, string>>();

/** Marks a value that many patches carry and nobody changes; its operations are encoded once. */
export function lastingValue<T extends object>(value: T): T {
  lasting.set(value, new Map());
  return value;
}

/** Marks an operation that many patches carry and nobody changes; it is encoded once. */
export function lastingOperation(operation: PatchOperation): PatchOperation {
  lastingOperations.set(operation, encoded(JSON.stringify(operation)));
  return operation;
}

const lastingOperations = new WeakMap<PatchOperation, string>();

/** A list of this value alone: of one that lasts, the same list each time. */
export function listOfOne(value: object): readonly object[] {
  const list = lists.get(value) ?? [value];
  if (lasting.has(value) && !lists.has(value)) lists.set(value, lastingValue(list));
  return list;
}

const lists = new WeakMap<object, readonly object[]>();

/** The operations as a JSON Patch in base64. */
export const encodePatch = (operations: readonly PatchOperation[]): string =>
  OPEN + operations.map(encodeOperation).join(COMMA) + CLOSE;

function encodeOperation(operation: PatchOperation): string {
  const { op, path, value } = operation;
  const known = typeof value === 'object' && value !== null ? lasting.get(value) : undefined;
  if (!known) return lastingOperations.get(operation) ?? encoded(JSON.stringify(operation));
  const key = `${op} ${path}`;
  const text = known.get(key) ?? encoded(JSON.stringify(operation));
  if (known.size < PATHS_MAX) known.set(key, text);
  return text;
}
