/**
 * Signs a 64-bit Mach-O program ad hoc, as `codesign --sign -` does: macOS on arm64 runs no program without a signature.
 * Such a signature names no person; it holds the SHA-256 of each page of the file. Pure: bytes in, bytes out.
 */
import { createHash } from 'node:crypto';

const MACH_O_64 = 0xfeedfacf;
const HEADER_BYTES = 32;
const COMMAND = { segment: 0x19, signature: 0x1d } as const;
const SIGNATURE_COMMAND_BYTES = 16;
const PAGE_BITS = 12;
const PAGE_BYTES = 1 << PAGE_BITS;
/** A program of arm64 is loaded in pages of 16 KiB. */
const SEGMENT_BYTES = 16_384;
const HASH_BYTES = 32;

/** Numbers of the signature's own format, which is big-endian. */
const SUPER_BLOB = 0xfade0cc0;
const CODE_DIRECTORY = 0xfade0c02;
const SUPER_BLOB_BYTES = 20;
const DIRECTORY_BYTES = 88;
/** The version of the format with the limits of the first segment. */
const VERSION = 0x20400;
const AD_HOC = 2;
const SHA256 = 2;
const MAIN_PROGRAM = 1;

interface Command {
  readonly at: number;
  readonly kind: number;
  readonly bytes: number;
}

function commandsOf(file: Buffer): Command[] {
  if (file.readUInt32LE(0) !== MACH_O_64) throw new Error('not a 64-bit Mach-O program');
  const commands: Command[] = [];
  let at = HEADER_BYTES;
  for (let left = file.readUInt32LE(16); left > 0; left -= 1) {
    const bytes = file.readUInt32LE(at + 4);
    commands.push({ at, kind: file.readUInt32LE(at), bytes });
    at += bytes;
  }
  return commands;
}

/** The offset of the command of a segment. */
function segmentNamed(file: Buffer, name: string): number {
  const found = commandsOf(file).find(
    ({ at, kind }) =>
      kind === COMMAND.segment && file.toString('latin1', at + 8, at + 24).split('\0')[0] === name,
  );
  if (!found) throw new Error(`the program has no segment ${name}`);
  return found.at;
}

/** The offset of the first section: the commands may grow up to this byte. */
function roomEnd(file: Buffer): number {
  const starts = commandsOf(file)
    .filter(({ kind }) => kind === COMMAND.segment)
    .flatMap(({ at }) =>
      Array.from({ length: file.readUInt32LE(at + 64) }, (_, index) =>
        file.readUInt32LE(at + 72 + index * 80 + 48),
      ),
    );
  return starts.filter((start) => start > 0).reduce((least, start) => Math.min(least, start), file.length);
}

const aligned = (value: number, to: number): number => Math.ceil(value / to) * to;

const signatureBytes = (codeBytes: number, name: string): number =>
  SUPER_BLOB_BYTES + DIRECTORY_BYTES + name.length + 1 + Math.ceil(codeBytes / PAGE_BYTES) * HASH_BYTES;

/** The program with a command that names the place of its signature, and with a last segment that covers the signature. */
function withCommand(file: Buffer, bytes: number): Buffer {
  const commands = commandsOf(file);
  if (commands.some(({ kind }) => kind === COMMAND.signature))
    throw new Error('the program has a signature already');
  const end = HEADER_BYTES + file.readUInt32LE(20);
  if (end + SIGNATURE_COMMAND_BYTES > roomEnd(file))
    throw new Error('the program has no room for a signature');
  const code = Buffer.concat([file, Buffer.alloc(aligned(file.length, 16) - file.length)]);
  code.writeUInt32LE(commands.length + 1, 16);
  code.writeUInt32LE(file.readUInt32LE(20) + SIGNATURE_COMMAND_BYTES, 20);
  for (const [index, value] of [COMMAND.signature, SIGNATURE_COMMAND_BYTES, code.length, bytes].entries())
    code.writeUInt32LE(value, end + 4 * index);
  const last = segmentNamed(code, '__LINKEDIT');
  const fileBytes = code.length + bytes - Number(code.readBigUInt64LE(last + 40));
  code.writeBigUInt64LE(BigInt(aligned(fileBytes, SEGMENT_BYTES)), last + 32);
  code.writeBigUInt64LE(BigInt(fileBytes), last + 48);
  return code;
}

/** The signature of this code, under a name that means nothing to macOS. */
function signatureOf(code: Buffer, name: string): Buffer {
  const pages = Math.ceil(code.length / PAGE_BYTES);
  const blob = Buffer.alloc(signatureBytes(code.length, name));
  const text = segmentNamed(code, '__TEXT');
  const words = [SUPER_BLOB, blob.length, 1, 0, SUPER_BLOB_BYTES];
  const hashesAt = DIRECTORY_BYTES + name.length + 1;
  const directory = [
    CODE_DIRECTORY,
    blob.length - SUPER_BLOB_BYTES,
    VERSION,
    AD_HOC,
    hashesAt,
    DIRECTORY_BYTES,
  ];
  for (const [index, word] of [...words, ...directory, 0, pages, code.length].entries())
    blob.writeUInt32BE(word, 4 * index);
  const at = SUPER_BLOB_BYTES;
  blob.set([HASH_BYTES, SHA256, 0, PAGE_BITS], at + 36);
  blob.writeBigUInt64BE(code.readBigUInt64LE(text + 40), at + 64);
  blob.writeBigUInt64BE(code.readBigUInt64LE(text + 48), at + 72);
  blob.writeBigUInt64BE(BigInt(MAIN_PROGRAM), at + 80);
  blob.write(name, at + DIRECTORY_BYTES, 'latin1');
  for (let page = 0; page < pages; page += 1) {
    const content = code.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
    blob.set(createHash('sha256').update(content).digest(), at + hashesAt + page * HASH_BYTES);
  }
  return blob;
}

/** The signed program. Throws if the file is no Mach-O program, is signed already, or has no room for a signature. */
export function signedAdHoc(file: Buffer, name: string): Buffer {
  const bytes = signatureBytes(aligned(file.length, 16), name);
  const code = withCommand(file, bytes);
  return Buffer.concat([code, signatureOf(code, name)]);
}
