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

/** The operations that were made of parts, and what they are in base64. */
const lasting = new WeakMap<PatchOperation, string>();

/** A value that many patches carry and nothing changes; each operation with it is made and encoded once. */
export class EncodedValue {
  readonly value: unknown;
  readonly #operations: PatchOperation[] = [];
  #alone: EncodedValue | undefined;

  constructor(value: unknown) {
    this.value = value;
  }

  /** The operation that puts it at `path`: the same object each time. */
  operation(op: PatchOperation['op'], path: string): PatchOperation {
    for (const known of this.#operations) if (known.path === path && known.op === op) return known;
    const made = { op, path, value: this.value };
    lasting.set(made, encoded(JSON.stringify(made)));
    if (this.#operations.length < PATHS_MAX) this.#operations.push(made);
    return made;
  }

  /** The list that holds this alone. */
  alone(): EncodedValue {
    this.#alone ??= new EncodedValue([this.value]);
    return this.#alone;
  }
}

/** The operations as a JSON Patch in base64. */
export const encodePatch = (operations: readonly PatchOperation[]): string =>
  OPEN + operations.map(encodeOperation).join(COMMA) + CLOSE;

const encodeOperation = (operation: PatchOperation): string =>
  lasting.get(operation) ?? encoded(JSON.stringify(operation));
