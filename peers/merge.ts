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
import { isBelow, normalPath, overlaps } from './paths.ts';
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
    return mode === 'auto' && isRecognised(pod, main) ? placeOf(pod, main, RECOGNISED_FILE) : NONE;
  }
  const file = annotation.length > PATH_LENGTH_MAX ? '/' : posix.normalize(annotation);
  if (file === '/' || !FILE_PATH.test(annotation)) {
    return { kind: 'left', reason: reason('UnknownPeerConfig', JSON.stringify(annotation.slice(0, 60))) };
  }
  return placeOf(pod, main, file);
}

const RECOGNISED_FILE = posix.join(CONFIG_FOLDER, CONFIG_FILE);
const RECOGNISED_PATHS = [CONFIG_FOLDER, RECOGNISED_FILE];
/** An image reference whose last part is `stellar-core`, whatever its registry, tag or digest. */
const CORE_IMAGE = /^[^@]*\/stellar-core(:[\w.-]+)?(@.*)?$/;

/** The upstream operator's shape: an image that has a shell, and a ConfigMap where the configuration is looked for. */
function isRecognised(pod: PodShape, main: ContainerShape): boolean {
  if (main.name !== MAIN_CONTAINER || !CORE_IMAGE.test(main.image)) return false;
  const mounted = main.mounts.filter(({ path }) => RECOGNISED_PATHS.includes(normalPath(path)));
  const names = new Set(mounted.map(({ name }) => name));
  return (
    names.size > 0 && pod.volumes.some(({ name, configMap }) => configMap !== undefined && names.has(name))
  );
}

function placeOf(pod: PodShape, main: ContainerShape, file: string): MergeDecision {
  const names = ourNames(pod, main);
  if (names === 'all') return NONE;
  if (names === 'some') return left(`the name ${CONFIG_VOLUME} is taken`);
  const folder = posix.dirname(file);
  const index = main.mounts.findIndex(({ path }) => normalPath(path) === folder);
  const mount = main.mounts[index];
  const problem = mount ? problemOf(pod, main, mount) : whereInstead(main, file);
  if (!mount || problem !== undefined) return left(problem ?? file);
  return { kind: 'merge', mount: index, path: mount.path, file: posix.basename(file) };
}

/** Whether our volume, mount and init container are there: after a first admission all of them are. */
function ourNames(pod: PodShape, main: ContainerShape): 'all' | 'some' | 'none' {
  const found = [
    pod.volumes.some(({ name }) => name === CONFIG_VOLUME),
    main.mounts.some(({ name }) => name === CONFIG_VOLUME),
    pod.initContainers.some(({ name }) => name === CONFIG_INIT_CONTAINER),
  ];
  const foreign = pod.containers.some(({ name }) => name === CONFIG_INIT_CONTAINER);
  if (found.every(Boolean) && !foreign) return 'all';
  return found.some(Boolean) || foreign ? 'some' : 'none';
}

/** Why the folder that is mounted by `mount` cannot be replaced, in words. */
function problemOf(pod: PodShape, main: ContainerShape, mount: MountShape): string | undefined {
  const folder = normalPath(mount.path);
  if (folder === '/') return 'its folder is /';
  if (mount.isPart) return `${mount.path} is a subPath mount`;
  const volume = pod.volumes.find(({ name }) => name === mount.name);
  if (!volume) return `there is no volume ${mount.name}`;
  if (!volume.isReadOnly && !mount.readOnly) return `${mount.path} can be written to`;
  // The runtime would have to create the inner mount point in our volume, which is mounted read-only.
  const inner = main.mounts.find(({ path }) => isBelow(normalPath(path), folder));
  if (inner) return `another mount is inside, at ${inner.path}`;
  const taken = main.mounts.find(({ path }) => overlaps(normalPath(path), CONFIG_ORIGINAL_PATH));
  return taken && `${taken.path} is mounted where the original would go`;
}

/** What is mounted instead of the file's folder, in words. */
function whereInstead(main: ContainerShape, file: string): string {
  const single = main.mounts.find(({ path }) => normalPath(path) === file);
  if (single) return `${single.path} is mounted as a single file (subPath)`;
  const above = main.mounts.find(({ path }) => isBelow(file, normalPath(path)));
  return above
    ? `${file} is in a folder below the mount ${above.path}`
    : `no volume is mounted at ${posix.dirname(file)}`;
}
