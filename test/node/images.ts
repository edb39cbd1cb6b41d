/** The images for the nodes: ours from `make image`, and one with the stand-in for stellar-core. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { build } from 'esbuild';
import { type ImageFile, runtimeFiles } from '../../scripts/image/files.ts';
import { obtain, obtainPackage } from '../../scripts/image/obtain.ts';
import { addImage, type Blobs, layoutFiles } from '../../scripts/image/oci.ts';
import { type Architecture, SOURCES } from '../../scripts/image/sources.ts';
import { tarOf } from '../../scripts/image/tar.ts';

const ROOT = join(import.meta.dirname, '../..');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
export const OWN = `docker.io/library/stellar-peers:${version}`;
/** The images that the objects of the stand-in operator name. */
const CORE = 'docker.io/stellar/stellar-core:v21.0.0';
const SIDECAR = 'docker.io/stellar/stellar-k8s:v21.0.0';
/** The process that holds a pod's network. */
export const PAUSE = 'test.invalid/pause:1';

/** A file for `ctr images import`, and the names of its image; the image is stored under the first name. */
export interface Archive {
  readonly path: string;
  readonly names: readonly string[];
}

const architecture: Architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';

/** Our own image. Throws if `make image` was not run. */
function ownImage(): Archive {
  const path = join(ROOT, 'dist/image.tar');
  if (!existsSync(path)) throw new Error(`${path} is missing: run "make image"`);
  return { path, names: [OWN] };
}

/** A statically linked shell. */
const BUSYBOX = {
  name: 'busybox-static',
  version: '1:1.35.0-4+deb12u1+b1',
  sums: {
    amd64: '3d3fdbe91d4660c873e14b092c213fe81c1da6362daa236eb25d0171eb108744',
    arm64: '732c9135564fc71337e0e05fb4da4d11e6c28c1834bce3e405e575afef2a52f5',
  },
};

function busybox(): Buffer {
  const { sums, ...pinned } = BUSYBOX;
  const folder = obtainPackage(architecture, { ...pinned, sha256: sums[architecture] });
  return readFileSync(join(folder, 'debian/bin/busybox'));
}

/** Writes an image with these layers and this name. */
function writeArchive(path: string, name: string, layers: readonly ImageFile[][], run: object): void {
  const blobs: Blobs = new Map();
  const image = addImage(blobs, architecture, layers.map(tarOf), { version: 'stand-in', run });
  const files = [...layoutFiles(blobs, [image], name).files];
  writeFileSync(path, tarOf(files.map(([each, content]) => ({ path: each, content, mode: 0o644 }))));
}

const program = (path: string, content: string | Buffer): ImageFile => ({
  path,
  content: Buffer.from(content),
  mode: 0o755,
});
const started = (args: string): string => `#!/bin/sh\nexec /nodejs/bin/node /stand-in/core.mjs ${args}\n`;

/** The image of the stand-in: Node, a shell with the tools that the init container uses, and the program. */
async function coreImage(folder: string): Promise<Archive> {
  const outfile = join(folder, 'core.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'core/main.ts')],
    ...{ outfile, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' },
  });
  const tools = ['sh', 'cat', 'ln', 'mv', 'rm', 'sleep'].map((name) => program(`bin/${name}`, busybox()));
  const files = [
    ...tools,
    program('stand-in/core.mjs', readFileSync(outfile)),
    program('usr/bin/stellar-core', started('"$@"')),
    program('usr/bin/getent', started('getent "$@"')),
    program('stellar-health-sidecar', started('health-sidecar')),
  ];
  const runtime = runtimeFiles(
    obtain(architecture, () => {}),
    SOURCES[architecture],
  );
  const run = { Entrypoint: ['/usr/bin/stellar-core'], Cmd: ['run', '--conf', '/config/stellar-core.cfg'] };
  const path = join(folder, 'core.tar');
  writeArchive(path, CORE, [runtime, files], run);
  return { path, names: [CORE, SIDECAR] };
}

/** Writes the image of the process that holds a pod's network. The process only sleeps. */
function pauseImage(folder: string): Archive {
  const path = join(folder, 'pause.tar');
  const run = { Entrypoint: ['/bin/busybox', 'sleep', '2000000000'] };
  writeArchive(path, PAUSE, [[program('bin/busybox', busybox())]], run);
  return { path, names: [PAUSE] };
}

const LIST = 'images.json';

/** Fetches all images and writes them into `folder`. Call it outside the cluster, which has no network to the outside. */
export async function writeImages(folder: string): Promise<void> {
  const images = [pauseImage(folder), ownImage(), await coreImage(folder)];
  writeFileSync(join(folder, LIST), JSON.stringify(images));
}

/** The images that `writeImages` has written. */
export const imagesIn = (folder: string): Archive[] =>
  JSON.parse(readFileSync(join(folder, LIST), 'utf8')) as Archive[];
