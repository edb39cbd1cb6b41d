/** Reads which libraries and which loader a 64-bit little-endian ELF program needs. Pure. */

export interface Needs {
  /** The path of the loader; undefined for a library. */
  readonly loader: string | undefined;
  readonly libraries: readonly string[];
}

const LOAD = 1;
const DYNAMIC = 2;
const INTERPRETER = 3;
const NEEDED = 1;
const STRING_TABLE = 5;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly length: number;
}

const number = (file: Buffer, at: number): number => Number(file.readBigUInt64LE(at));
const textAt = (file: Buffer, at: number): string => file.toString('latin1', at, file.indexOf(0, at));

function segmentsOf(file: Buffer): Segment[] {
  const [start, size, count] = [number(file, 32), file.readUInt16LE(54), file.readUInt16LE(56)];
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * size;
    const [offset, address, length] = [number(file, at + 8), number(file, at + 16), number(file, at + 32)];
    return { type: file.readUInt32LE(at), offset, address, length };
  });
}

/** What the program needs. Throws if the file is no such program. */
export function needsOf(file: Buffer): Needs {
  if (file.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') throw new Error('not a 64-bit ELF program');
  const segments = segmentsOf(file);
  const interpreter = segments.find(({ type }) => type === INTERPRETER);
  const dynamic = segments.find(({ type }) => type === DYNAMIC);
  const entries = Array.from({ length: (dynamic?.length ?? 0) / 16 }, (_, index) => {
    const at = (dynamic?.offset ?? 0) + index * 16;
    return { tag: number(file, at), value: number(file, at + 8) };
  });
  const tableAt = entries.find(({ tag }) => tag === STRING_TABLE)?.value ?? 0;
  const holder = segments.find(
    ({ type, address, length }) => type === LOAD && tableAt >= address && tableAt < address + length,
  );
  const strings = tableAt - (holder?.address ?? 0) + (holder?.offset ?? 0);
  return {
    loader: interpreter && textAt(file, interpreter.offset),
    libraries: entries.filter(({ tag }) => tag === NEEDED).map(({ value }) => textAt(file, strings + value)),
  };
}
