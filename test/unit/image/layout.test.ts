/** The image as `make image` writes it, made of small files: its content, and that its bytes are always the same. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { needsOf } from '../../../scripts/image/elf.ts';
import { type ImageFile, missingLibraries, ownFiles } from '../../../scripts/image/files.ts';
import { checkSum } from '../../../scripts/image/obtain.ts';
import { addImage, type Blobs, type Descriptor, layoutFiles, RUN } from '../../../scripts/image/oci.ts';
import { tarOf } from '../../../scripts/image/tar.ts';

const file = (path: string, text: string, mode = 0o644): ImageFile => ({
  path,
  content: Buffer.from(text),
  mode,
});
const RUNTIME = [file('nodejs/bin/node', 'program', 0o755), file('etc/passwd', 'nonroot')];
const OWN = [file('app/dist/stellar-peers.mjs', 'x'.repeat(513))];

function layout() {
  const blobs: Blobs = new Map();
  const images = (['amd64', 'arm64'] as const).map((architecture) =>
    addImage(blobs, architecture, [tarOf(RUNTIME), tarOf(OWN)], { version: '1.2.3' }),
  );
  return layoutFiles(blobs, images, 'docker.io/library/stellar-peers:1.2.3');
}

/** A fresh folder for as long as `use` runs. */
function inFolder<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'image-'));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('the layout', () => {
  const { digest, files } = layout();
  const parsed = <T>(path: string): T => JSON.parse(files.get(path)?.toString() ?? '') as T;
  const blobOf = ({ digest: sum }: Descriptor) => `blobs/${sum.replace(':', '/')}`;
  interface Index {
    readonly manifests: readonly Descriptor[];
  }
  const [inner] = parsed<Index>('index.json').manifests;
  const images = parsed<Index>(blobOf(inner as Descriptor)).manifests;

  it('has the same digest whenever it is made of the same files', () => {
    const again = layout();
    assert.equal(again.digest, digest);
    assert.deepEqual(again.files, files);
  });

  it('has one image for each architecture, under the name that tools import', () => {
    assert.deepEqual(
      images.map(({ platform }) => platform),
      [
        { os: 'linux', architecture: 'amd64' },
        { os: 'linux', architecture: 'arm64' },
      ],
    );
    assert.equal(inner?.digest, digest);
    assert.equal(inner?.annotations?.['io.containerd.image.name'], 'docker.io/library/stellar-peers:1.2.3');
  });

  it('has the command of the image, and its layers', () => {
    for (const image of images) {
      const manifest = parsed<{ config: Descriptor; layers: Descriptor[] }>(blobOf(image));
      const config = parsed<{ architecture: string; config: object; rootfs: { diff_ids: string[] } }>(
        blobOf(manifest.config),
      );
      assert.equal(config.architecture, image.platform?.architecture);
      assert.deepEqual(config.config, {
        ...RUN,
        Labels: { 'org.opencontainers.image.version': '1.2.3' },
      });
      const layers = manifest.layers.map((layer) => gunzipSync(files.get(blobOf(layer)) ?? ''));
      assert.deepEqual(
        layers.map((layer) => `sha256:${createHash('sha256').update(layer).digest('hex')}`),
        config.rootfs.diff_ids,
      );
    }
  });
});

describe('the command in the image', () => {
  it('runs by its name alone, on the Node of the image, because the image has no shell', () => {
    inFolder((folder) => {
      mkdirSync(join(folder, 'dist'));
      const named = ['stellar-peers.mjs', 'stellar-peers.mjs.map', 'stellar-peers.cdx.json', 'licences.txt'];
      for (const name of named)
        writeFileSync(join(folder, 'dist', name), 'console.log(process.argv.slice(2).join())');
      writeFileSync(join(folder, 'LICENSE'), '');
      const command = ownFiles(folder).find(({ path }) => path === 'usr/bin/stellar-peers');
      assert.equal(command?.mode, 0o755);
      const text = command.content.toString();
      // Linux passes everything after the program as one argument.
      assert.match(text, /^#!\/nodejs\/bin\/node \S+\n/);
      const [, flag = ''] = text.split(/[ \n]/);
      const program = join(folder, 'stellar-peers');
      writeFileSync(program, text.replace('/app/', `${folder}/`));
      const said = execFileSync(process.execPath, [flag, program, 'status', '-A'], { encoding: 'utf8' });
      assert.equal(said, 'status,-A\n');
    });
  });
});

describe('the input of the image', () => {
  it('is refused if a checksum is not the pinned one', () => {
    inFolder((folder) => {
      const path = join(folder, 'package');
      writeFileSync(path, 'content');
      const hex = createHash('sha256').update('content').digest('hex');
      const base64 = createHash('sha512').update('content').digest('base64');
      checkSum(path, hex);
      checkSum(path, `sha512-${base64}`);
      writeFileSync(path, 'other content');
      assert.throws(() => checkSum(path, hex), /sources\.ts pins/);
      assert.throws(() => checkSum(path, `sha512-${base64}`), /sources\.ts pins/);
    });
  });

  it('has every library that its programs need', {
    skip: process.platform !== 'linux' && 'programs of Linux only',
  }, () => {
    const content = readFileSync(process.execPath);
    const { loader, libraries } = needsOf(content);
    assert.match(loader ?? '', /\/ld-linux/);
    assert.ok(libraries.includes('libc.so.6'), libraries.join(' '));
    const node = { path: 'nodejs/bin/node', content, mode: 0o755 };
    assert.ok(missingLibraries([node]).includes('libc.so.6'));
    const plain = libraries.map((name) => file(`lib/${name}`, ''));
    assert.deepEqual(missingLibraries([node, ...plain, file(`lib${loader}`, '')]), []);
  });
});
