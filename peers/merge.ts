/**
 * Whether, and where, the peers are put into the configuration that stellar-core reads: decided here only.
 *
 *   setting off, annotation off, not asked and not the recognised shape → none
 *   our volume and init container are there already                     → none
 *   the file's folder is mounted as a whole from what cannot be written → merge
 *   anything else                                                       → left alone, with a warning
 *
 * The folder is replaced, not the file: over a file that is missing from a ConfigMap the runtime could mount
 * nothing, and the pod would not start.
 */
import { posix } from 'node:path';
import {
  CONFIG_FILE,
  CONFIG_FOLDER,
  CONFIG_INIT_CONTAINER,
  CONFIG_ORIGINAL_PATH,
  CONFIG_VOLUME,
  MAIN_CONTAINER,
} from './names.ts';
import { isBelow, overlaps } from './paths.ts';
import type { ContainerShape, MountShape, PodShape } from './pod-shape.ts';
import { type Reason, reason } from './reasons.ts';

/** `auto`: the recognised shape, and where the annotation asks; `annotated`: only the latter. */
export type MergeMode = 'auto' | 'annotated' | 'off';

/** The key that the peers go under; `auto`: the first of the two that the original leaves free. */
export type PeerListKey = 'auto' | 'KNOWN_PEERS' | 'PREFERRED_PEERS';

/** The folder of the main container's mount `mount` is replaced; `file` in it gets the peers. */
export interface Merge {
  readonly kind: 'merge';
  /** Index in the main container's mounts. */
  readonly mount: number;
  /** Path of that mount as the pod has it. */
  readonly path: string;
  readonly file: string;
}

export type MergeDecision =
  | Merge
  | { readonly kind: 'none' }
  | { readonly kind: 'left'; readonly reason: Reason };

const NONE: MergeDecision = { kind: 'none' };
const left = (what: string): MergeDecision => ({
  kind: 'left',
  reason: reason('ConfigNotReplaceable', what),
});

const OFF = 'off';
const PATH_LENGTH_MAX = 512;
/** Printable, so that nothing odd ends in a log or a container's arguments. */
const FILE_PATH = /^\/[ -~]*[ -.0-~]$/;

/**
 * What to do for the pod whose main container is `main`. `annotation` is the StellarNode's
 * `stellar.org/peer-config`.
 */
export function decideMerge(
  pod: PodShape,
  main: ContainerShape,
  { annotation, mode }: { annotation: string | undefined; mode: MergeMode },
): MergeDecision {
  if (mode === 'off' || annotation === OFF) return NONE;
  if (annotation === undefined) {
    return mode === 'auto' && isRecognised(pod, main) ? placeOf(pod, main, RECOGNISED) : NONE;
  }
  const file = annotation.length > PATH_LENGTH_MAX ? '/' : posix.normalize(annotation);
  if (file === '/' || !FILE_PATH.test(annotation)) {
    return { kind: 'left', reason: reason('UnknownPeerConfig', JSON.stringify(annotation.slice(0, 60))) };
  }
  return placeOf(pod, main, targetOf(file));
}

/** The file that gets the peers: its path, the folder it is in, and its name there. */
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
/** An image reference whose last part is `stellar-core`, whatever its registry, tag or digest. */
const CORE_IMAGE = /^[^@]*\/stellar-core(:[\w.-]+)?(@.*)?$/;

/** The upstream operator's shape: an image that has a shell, and a ConfigMap where the configuration is looked for. */
function isRecognised(pod: PodShape, main: ContainerShape): boolean {
  if (main.name !== MAIN_CONTAINER || !CORE_IMAGE.test(main.image)) return false;
  const names = new Set<string>();
  for (const { name, folder } of main.mounts)
    if (folder === CONFIG_FOLDER || folder === RECOGNISED.path) names.add(name);
  return (
    names.size > 0 && pod.volumes.some(({ name, configMap }) => configMap !== undefined && names.has(name))
  );
}

function placeOf(pod: PodShape, main: ContainerShape, target: Target): MergeDecision {
  const names = ourNames(pod, main);
  if (names === 'all') return NONE;
  if (names === 'some') return left(`the name ${CONFIG_VOLUME} is taken`);
  const index = main.mounts.findIndex(({ folder }) => folder === target.folder);
  const mount = main.mounts[index];
  const problem = mount ? problemOf(pod, main, mount) : whereInstead(main, target);
  if (!mount || problem !== undefined) return left(problem ?? target.path);
  return { kind: 'merge', mount: index, path: mount.path, file: target.file };
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

/** Why the folder that is mounted by `mount` cannot be replaced, in words. */
function problemOf(pod: PodShape, main: ContainerShape, mount: MountShape): string | undefined {
  if (mount.folder === '/') return 'its folder is /';
  if (mount.isPart) return `${mount.path} is a subPath mount`;
  const volume = pod.volumes.find(({ name }) => name === mount.name);
  if (!volume) return `there is no volume ${mount.name}`;
  if (!volume.isReadOnly && !mount.readOnly) return `${mount.path} can be written to`;
  // The runtime would have to create the inner mount point in our volume, which is mounted read-only.
  const inner = main.mounts.find(({ folder }) => isBelow(folder, mount.folder));
  if (inner) return `another mount is inside, at ${inner.path}`;
  const taken = main.mounts.find(({ folder }) => overlaps(folder, CONFIG_ORIGINAL_PATH));
  return taken && `${taken.path} is mounted where the original would go`;
}

/** What is mounted instead of the file's folder, in words. */
function whereInstead(main: ContainerShape, { path, folder: parent }: Target): string {
  const single = main.mounts.find(({ folder }) => folder === path);
  if (single) return `${single.path} is mounted as a single file (subPath)`;
  const above = main.mounts.find(({ folder }) => isBelow(path, folder));
  return above ? `${path} is in a folder below the mount ${above.path}` : `no volume is mounted at ${parent}`;
}
