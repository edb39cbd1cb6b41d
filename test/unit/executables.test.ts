/** The signature that we give a program for macOS. The test builds a small file, and reads the signature as the kernel does. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { signedAdHoc } from '../../scripts/executables/sign.ts';

const PAGE = 4096;
const TEXT_BYTES = 2 * PAGE;
const LINK_BYTES = 100;
const SEGMENT = 72;
const SECTION = 80;
const COMMANDS = 2 * SEGMENT + SECTION;

/** Writes a segment with that many sections. Returns where its command ends. */
function segment(
  file: Buffer,
  at: number,
  of: { name: string; offset: number; bytes: number; section?: number },
): number {
  const size = SEGMENT + (of.section === undefined ? 0 : SECTION);
  file.writeUInt32LE(0x19, at);
  file.writeUInt32LE(size, at + 4);
  file.write(of.name, at + 8);
  file.writeBigUInt64LE(0x1_0000_0000n + BigInt(of.offset), at + 24);
  file.writeBigUInt64LE(BigInt(of.bytes), at + 32);
  file.writeBigUInt64LE(BigInt(of.offset), at + 40);
  file.writeBigUInt64LE(BigInt(of.bytes), at + 48);
  if (of.section !== undefined) {
    file.writeUInt32LE(1, at + 64);
    file.writeUInt32LE(of.section, at + SEGMENT + 48);
  }
  return at + size;
}

/** A program without a signature whose first section begins at `section`. */
function program(section: number): Buffer {
  const file = Buffer.alloc(TEXT_BYTES + LINK_BYTES, 7);
  file.fill(0, 0, 32 + COMMANDS);
  for (const [index, value] of [0xfeedfacf, 0x0100000c, 0, 2, 2, COMMANDS].entries())
    file.writeUInt32LE(value, 4 * index);
  const next = segment(file, 32, { name: '__TEXT', offset: 0, bytes: TEXT_BYTES, section });
  segment(file, next, { name: '__LINKEDIT', offset: TEXT_BYTES, bytes: LINK_BYTES });
  return file;
}

describe('a program for macOS', () => {
  const signed = signedAdHoc(program(1024), 'one');
  const command = 32 + COMMANDS;
  const at = signed.readUInt32LE(command + 8);

  it('names the place of its signature, and its last segment includes that place', () => {
    assert.deepEqual([signed.readUInt32LE(16), signed.readUInt32LE(20)], [3, COMMANDS + 16]);
    assert.deepEqual([signed.readUInt32LE(command), signed.readUInt32LE(command + 4)], [0x1d, 16]);
    assert.equal(at + signed.readUInt32LE(command + 12), signed.length);
    const link = 32 + SEGMENT + SECTION;
    assert.equal(TEXT_BYTES + Number(signed.readBigUInt64LE(link + 48)), signed.length);
    assert.equal(signed.readBigUInt64LE(link + 32) % 16_384n, 0n);
  });

  it('has a signature of each of its pages, also of the page with its commands', () => {
    assert.deepEqual(
      [0, 4, 8, 16].map((offset) => signed.readUInt32BE(at + offset)),
      [0xfade0cc0, signed.length - at, 1, 20],
    );
    const directory = at + 20;
    const word = (offset: number) => signed.readUInt32BE(directory + offset);
    assert.deepEqual([word(0), word(8), word(12)], [0xfade0c02, 0x20400, 2]);
    assert.deepEqual([...signed.subarray(directory + 36, directory + 40)], [32, 2, 0, 12]);
    assert.equal(word(32), at);
    assert.equal(signed.toString('latin1', directory + word(20), directory + word(20) + 4), 'one\0');
    assert.equal(word(28), Math.ceil(at / PAGE));
    for (let page = 0; page < word(28); page += 1) {
      const content = signed.subarray(page * PAGE, Math.min((page + 1) * PAGE, at));
      const sum = signed.subarray(directory + word(16) + 32 * page).subarray(0, 32);
      assert.deepEqual(sum, createHash('sha256').update(content).digest(), `page ${page}`);
    }
  });

  it('is refused if it already has a signature or no room for one, or if it is another kind of file', () => {
    assert.throws(() => signedAdHoc(signed, 'one'), /has a signature already/);
    assert.throws(() => signedAdHoc(program(32 + COMMANDS + 8), 'one'), /no room/);
    assert.throws(() => signedAdHoc(Buffer.from('#!/bin/sh\n'.padEnd(64)), 'one'), /not a 64-bit Mach-O/);
  });
});
