/** Makes an OCI image layout from layers and a configuration. Pure: bytes in, bytes out. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { NODE_PATH, USER } from './files.ts';
import type { Architecture } from './sources.ts';

const TYPES = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
};

/** Names content by its digest. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly os: 'linux'; readonly architecture: Architecture };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Content by its digest, such as `sha256:…`. */
export type Blobs = Map<string, Buffer>;

/** How a container of the image runs. The Dockerfile has the same, and a test compares both. */
export const RUN = {
  User: `${USER}:${USER}`,
  WorkingDir: '/app',
  Entrypoint: [
    `/${NODE_PATH}`,
    '--max-semi-space-size=4',
    '--max-old-space-size-percentage=50',
    'dist/stellar-peers.mjs',
  ],
  Cmd: ['run'],
} as const;

const digestOf = (content: Buffer): string => `sha256:${createHash('sha256').update(content).digest('hex')}`;
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

function store(blobs: Blobs, mediaType: string, content: Buffer): Descriptor {
  const digest = digestOf(content);
  blobs.set(digest, content);
  return { mediaType, digest, size: content.length };
}

interface About {
  readonly version: string;
  /** How a container runs. Default: as in our own image. */
  readonly run?: object;
}

/** Adds one architecture's image to the blobs; `layers` are tar archives, the lowest first. */
export function addImage(
  blobs: Blobs,
  architecture: Architecture,
  layers: readonly Buffer[],
  { version, run = RUN }: About,
): Descriptor {
  const config = store(
    blobs,
    TYPES.config,
    json({
      architecture,
      os: 'linux',
      config: { ...run, Labels: { 'org.opencontainers.image.version': version } },
      rootfs: { type: 'layers', diff_ids: layers.map(digestOf) },
      history: layers.map(() => ({ created_by: 'scripts/image.ts' })),
    }),
  );
  const packed = layers.map((layer) => store(blobs, TYPES.layer, gzipSync(layer)));
  const manifest = json({ schemaVersion: 2, mediaType: TYPES.manifest, config, layers: packed });
  return { ...store(blobs, TYPES.manifest, manifest), platform: { os: 'linux', architecture } };
}

/** The files of a layout with one image for all these architectures; `name` is its name after an import. */
export function layoutFiles(
  blobs: Blobs,
  images: readonly Descriptor[],
  name: string,
): { readonly digest: string; readonly files: ReadonlyMap<string, Buffer> } {
  const index = store(
    blobs,
    TYPES.index,
    json({ schemaVersion: 2, mediaType: TYPES.index, manifests: images }),
  );
  const annotations = {
    'io.containerd.image.name': name,
    'org.opencontainers.image.ref.name': name.split(':').at(-1) ?? '',
  };
  const outer = { schemaVersion: 2, mediaType: TYPES.index, manifests: [{ ...index, annotations }] };
  const files = new Map([
    ['oci-layout', json({ imageLayoutVersion: '1.0.0' })],
    ['index.json', json(outer)],
    ...[...blobs].map(([digest, content]) => [`blobs/${digest.replace(':', '/')}`, content] as const),
  ]);
  return { digest: index.digest, files };
}
