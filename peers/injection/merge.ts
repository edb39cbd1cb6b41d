/**
 * Decides whether and where the peers are merged into the configuration that stellar-core reads.
 *
 *   setting or annotation off, or no annotation and an unknown shape    → none
 *   our volume and init container are there already                     → merged
 *   the file's folder is mounted as a whole, from a read-only volume    → merge
 *   the image says in its name that it has no shell                     → left alone, with a warning
 *   anything else                                                       → left alone, with a warning
 *
 * The folder is replaced, not the file: if the file were missing from the ConfigMap, the runtime could not mount
 * anything in its place, and the pod would not start.
 */
import { posix } from 'node:path';
import {
  CONFIG_FILE,
  CONFIG_FOLDER,
  CONFIG_INIT_CONTAINER,
  CONFIG_VOLUME,
  MAIN_CONTAINER,
} from '../names.ts';
import {
  type ContainerShape,
  isCoreImage,
  isShell,
  type MountShape,
  type PodShape,
} from '../read/pod-shape.ts';
import { type Reason, reason } from '../reasons/reasons.ts';
import { placesFor } from './inject.ts';
import { isBelow, overlaps } from './paths.ts';

/** `auto`: merge for the recognised shape and for the annotation. `annotated`: only for the annotation. */
export type MergeMode = 'auto' | 'annotated' | 'off';

/** The key for the peers. `auto`: the first of the two that the original does not have. */
export type PeerListKey = 'auto' | 'KNOWN_PEERS' | 'PREFERRED_PEERS';

/** How many of the preferred peers may be siblings: on public networks half of TARGET_PEER_CONNECTIONS. */
export type SiblingShare = 'half' | 'all';

/** Replace the folder of the main container's mount `mount`, and put the peers into `file` in that folder. */
export interface Merge {
  readonly kind: 'merge';
  /** Index in the main container's mounts. */
  readonly mount: number;
  readonly path: string;
  readonly file: string;
  /** The path at which the original folder is mounted then. */
  readonly original: string;
}

export type MergeDecision =
  | Merge
  | { readonly kind: 'none' | 'merged' }
  | { readonly kind: 'left'; readonly reason: Reason };

const NONE: MergeDecision = { kind: 'none' };
const left = (what: string): MergeDecision => ({
  kind: 'left',
  reason: reason('ConfigNotReplaceable', what),
});

const OFF = 'off';
const PATH_LENGTH_MAX = 512;
/** Printable only, because the path gets into logs and into a container's arguments. */
const FILE_PATH = /^\/[ -~]*[ -.0-~]$/;

interface Asked {
  /** The StellarNode's `stellar.org/peer-config`. */
  readonly annotation: string | undefined;
  readonly mode: MergeMode;
}

/** Decides whether and where to merge, for a pod with the main container `main`. */
export function decideMerge(pod: PodShape, main: ContainerShape, asked: Asked): MergeDecision {
  const found = placeOfConfig(pod, main, asked);
  // Without a shell the init container could not start, and the pod would wait for ever.
  return found.kind === 'merge' && lacksShell(main)
    ? { kind: 'left', reason: reason('NoShell', main.image) }
    : found;
}

/** The place of the configuration, whether or not the image can merge anything into it. */
export function placeOfConfig(
  pod: PodShape,
  main: ContainerShape,
  { annotation, mode }: Asked,
): MergeDecision {
  if (mode === 'off' || annotation === OFF) return NONE;
  if (ourNames(pod, main) === 'all') return { kind: 'merged' };
  if (annotation === undefined) {
    return mode === 'auto' && isRecognised(pod, main) ? placeOf(pod, main, RECOGNISED) : NONE;
  }
  const file = annotation.length > PATH_LENGTH_MAX ? '/' : posix.normalize(annotation);
  if (file === '/' || !FILE_PATH.test(annotation)) {
    return { kind: 'left', reason: reason('UnknownPeerConfig', JSON.stringify(annotation.slice(0, 60))) };
  }
  return placeOf(pod, main, targetOf(file));
}

/** The file to put the peers into: its path, its folder, and its name in that folder. */
interface Target {
  readonly path: string;
  readonly folder: string;
  readonly file: string;
}

const targetOf = (path: string): Target => ({
  path,
  folder: posix.dirname(path),
  file: posix.basename(path),
});

const RECOGNISED = targetOf(posix.join(CONFIG_FOLDER, CONFIG_FILE));

/** The upstream operator's shape: an image that has a shell, and a ConfigMap where the configuration is looked for. */
function isRecognised(pod: PodShape, main: ContainerShape): boolean {
  // An image name without a registry or an account is an image that the user built.
  if (main.name !== MAIN_CONTAINER || !main.image.includes('/') || !isCoreImage(main.image)) return false;
  const names = new Set<string>();
  for (const { name, folder } of main.mounts)
    if (folder === CONFIG_FOLDER || folder === RECOGNISED.path) names.add(name);
  return (
    names.size > 0 && pod.volumes.some(({ name, configMap }) => configMap !== undefined && names.has(name))
  );
}

/** Names of images without a shell. The debug variants have one. */
const NO_SHELL = /distroless|chisell?ed|\bscratch\b/i;

/** Judged by the image's name and tag, or by a path part that is exactly `distroless`: registries have any name. */
export function lacksShell({ image, command }: ContainerShape): boolean {
  const folders = image.split('/');
  const [own = ''] = folders.pop()?.split('@') ?? [];
  const isNamedSo = NO_SHELL.test(own) || folders.includes('distroless');
  return isNamedSo && !own.includes('debug') && !command.some(isShell);
}

function placeOf(pod: PodShape, main: ContainerShape, target: Target): MergeDecision {
  if (ourNames(pod, main) === 'some') return left(`the name ${CONFIG_VOLUME} is taken`);
  const index = main.mounts.findIndex(({ folder }) => folder === target.folder);
  const mount = main.mounts[index];
  const problem = mount ? problemOf(pod, main, mount) : whereInstead(main, target);
  if (!mount || problem !== undefined) return left(problem ?? target.path);
  const { original } = placesFor(main);
  return { kind: 'merge', mount: index, path: mount.path, file: target.file, original };
}

/** Whether our volume, mount and init container are there: after a first admission all of them are. */
function ourNames(pod: PodShape, main: ContainerShape): 'all' | 'some' | 'none' {
  const volume = pod.volumes.some(({ name }) => name === CONFIG_VOLUME);
  const mount = main.mounts.some(({ name }) => name === CONFIG_VOLUME);
  const container = pod.initContainers.some(({ name }) => name === CONFIG_INIT_CONTAINER);
  const foreign = pod.containers.some(({ name }) => name === CONFIG_INIT_CONTAINER);
  if (volume && mount && container && !foreign) return 'all';
  return volume || mount || container || foreign ? 'some' : 'none';
}

/** Why the folder of `mount` cannot be replaced, in words. */
function problemOf(pod: PodShape, main: ContainerShape, mount: MountShape): string | undefined {
  if (mount.folder === '/') return 'its folder is /';
  if (mount.isPart) return `${mount.path} is a subPath mount`;
  const volume = pod.volumes.find(({ name }) => name === mount.name);
  if (!volume) return `there is no volume ${mount.name}`;
  if (!volume.isReadOnly && !mount.readOnly) return `${mount.path} can be written to`;
  // The runtime would have to create the inner mount point in our volume, which is mounted read-only.
  const inner = main.mounts.find(({ folder }) => isBelow(folder, mount.folder));
  if (inner) return `another mount is inside, at ${inner.path}`;
  const { original } = placesFor(main);
  const taken = main.mounts.find(({ folder }) => overlaps(folder, original));
  return taken && `${taken.path} is mounted where the original would go`;
}

function whereInstead(main: ContainerShape, { path, folder: parent }: Target): string {
  const single = main.mounts.find(({ folder }) => folder === path);
  if (single) return `${single.path} is mounted as a single file (subPath)`;
  const above = main.mounts.find(({ folder }) => isBelow(path, folder));
  return above ? `${path} is in a folder below the mount ${above.path}` : `no volume is mounted at ${parent}`;
}
