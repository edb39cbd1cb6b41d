/**
 * Writes the image without a container engine: dist/image, an OCI layout for all architectures; dist/image.tar, the same
 * as one file, which containerd, podman and skopeo read; and dist/image-root/<architecture>, which the Dockerfile copies.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type ImageFile, ownFiles, runtimeFiles } from './image/files.ts';
import { obtain } from './image/obtain.ts';
import { addImage, type Blobs, layoutFiles } from './image/oci.ts';
import { ARCHITECTURES, type Architecture, SOURCES } from './image/sources.ts';
import { tarOf } from './image/tar.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const say = (line: string): void => void process.stdout.write(`image: ${line}\n`);

function writeAll(folder: string, files: Iterable<readonly [string, Buffer, number?]>): void {
  rmSync(folder, { recursive: true, force: true });
  for (const [path, content, mode = 0o644] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content, { mode });
  }
}

/** The layers of one architecture, the lowest first. A new version of stellar-peers changes only the last layer. */
function layersOf(architecture: Architecture): ImageFile[][] {
  return [runtimeFiles(obtain(architecture, say), SOURCES[architecture]), ownFiles(ROOT)];
}

function writeImage(name: string, version: string): void {
  const blobs: Blobs = new Map();
  const images = ARCHITECTURES.map((architecture) => {
    const layers = layersOf(architecture);
    const root = layers.flat().map(({ path, content, mode }) => [path, content, mode] as const);
    writeAll(join(ROOT, 'dist/image-root', architecture), root);
    return addImage(blobs, architecture, layers.map(tarOf), { version });
  });
  const { digest, files } = layoutFiles(blobs, images, name);
  writeAll(join(ROOT, 'dist/image'), files);
  const archive = [...files].map(([path, content]) => ({ path, content, mode: 0o644 }));
  writeFileSync(join(ROOT, 'dist/image.tar'), tarOf(archive));
  say(`dist/image, dist/image.tar: ${name}@${digest}`);
  const here = new Map([
    ['x64', 'amd64'],
    ['arm64', 'arm64'],
  ]).get(process.arch);
  const elsewhere = ARCHITECTURES.filter((architecture) => architecture !== here);
  say(`not run here: ${elsewhere.join(', ')}; make test-all runs arm64 by qemu`);
}

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
const { values } = parseArgs({ options: { name: { type: 'string' } } });
// The full name: containerd takes a name without a registry for one of Docker Hub.
writeImage(values.name ?? `docker.io/library/stellar-peers:${version}`, version);
