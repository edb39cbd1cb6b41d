/** Writes files as a tar archive that is the same bytes each time: sorted, owned by root, without times. Pure. */
import { posix } from 'node:path';
import type { ImageFile } from './files.ts';

const BLOCK = 512;
const NAME_MAX = 100;
const FILE = '0';
const FOLDER = '5';
const FOLDER_MODE = 0o755;

const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`;

interface Entry {
  readonly path: string;
  readonly mode: number;
  readonly size: number;
  readonly type: typeof FILE | typeof FOLDER;
}

function header({ path, mode, size, type }: Entry): Buffer {
  if (Buffer.byteLength(path) > NAME_MAX) throw new Error(`${path} is longer than ${NAME_MAX} bytes`);
  const block = Buffer.alloc(BLOCK);
  block.write(path, 0);
  block.write(octal(mode, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(size, 12), 124);
  block.write(octal(0, 12), 136);
  // The checksum counts its own field as blanks.
  block.write(' '.repeat(8), 148);
  block.write(type, 156);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

const foldersOf = (path: string): string[] => {
  const parent = posix.dirname(path);
  return parent === '.' ? [] : [...foldersOf(parent), parent];
};

/** The archive, with the folders that the paths need. */
export function tarOf(files: readonly ImageFile[]): Buffer {
  const folders = new Set(files.flatMap(({ path }) => foldersOf(path)));
  const blocks = [
    ...[...folders].map((path) => ({ path, blocks: [folderBlock(path)] })),
    ...files.map((file) => ({ path: file.path, blocks: fileBlocks(file) })),
  ];
  blocks.sort((a, b) => (a.path < b.path ? -1 : 1));
  return Buffer.concat([...blocks.flatMap((each) => each.blocks), Buffer.alloc(2 * BLOCK)]);
}

const folderBlock = (path: string): Buffer =>
  header({ path: `${path}/`, mode: FOLDER_MODE, size: 0, type: FOLDER });

function fileBlocks({ path, content, mode }: ImageFile): Buffer[] {
  const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
  return [header({ path, mode, size: content.length, type: FILE }), content, padding];
}
