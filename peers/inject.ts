/**
 * What we would inject into a pod: decided here only. Admission applies it, the reconciler asks it.
 *
 *   of the pod …                                              → decision
 *   its StellarNode, namespace or own annotation opts out     → skip OptedOut
 *   a volume of our name that is not ours                     → skip NotInjectable
 *   our name mounted without our volume, or at another path   → skip NotInjectable
 *   another volume mounted at, above or below our path        → skip NotInjectable
 *   annotations that leave no room for ours                   → skip NotInjectable
 *   KNOWN_PEERS_FILE set to something else                    → inject, that value kept: EnvTaken
 *   a part of ours that is there already                      → inject the other parts
 */
import {
  ANNOTATION_PEER_HASH,
  ANNOTATION_PEERS,
  INJECTION,
  MAIN_CONTAINER,
  MOUNT_PATH,
  nodeKeys,
  PEERS_CONFIGMAP,
  PEERS_FILE_ENV,
  PEERS_FILE_PATH,
  VOLUME_NAME,
} from './names.ts';
import { overlaps } from './paths.ts';
import type { ContainerShape, PodShape, VolumeShape } from './pod-shape.ts';
import { type Reason, reason } from './reasons.ts';

/** What to add to which container; nothing to add where all of it is there already. */
export interface Injection {
  readonly kind: 'inject';
  /** Index of the main container in `spec.containers`. */
  readonly main: number;
  readonly addVolume: boolean;
  readonly addMount: boolean;
  readonly addEnv: boolean;
  readonly warnings: readonly Reason[];
}

export type InjectionDecision = Injection | { readonly kind: 'skip'; readonly reason: Reason };

const INJECTION_ENABLED = 'enabled';

const skip = (why: Reason): InjectionDecision => ({ kind: 'skip', reason: why });

/**
 * True if a value of `stellar.org/peer-injection` keeps us out. A value that we do not know does too:
 * whoever wrote `off` meant something, and a pod that we leave alone is never restarted.
 */
export const optsOut = (value: string | undefined): boolean =>
  value !== undefined && value !== INJECTION_ENABLED;

/**
 * What we would inject into `pod` (or into the pods of a template) of validator `node`. `optedOut` is
 * what its StellarNode and Namespace say; the pod's own annotation is read here.
 */
export function decideInjection(
  pod: PodShape,
  { node, optedOut }: { node: string; optedOut: boolean },
): InjectionDecision {
  const own = pod.annotations[INJECTION];
  if (optedOut) return skip(reason('OptedOut'));
  if (optsOut(own)) return skip(reason('OptedOut', `the pod says ${own}`));
  const main = mainIndex(pod);
  const container = pod.containers[main];
  if (!container) return skip(reason('UnreadablePod', 'it has no containers'));
  const taken = takenName(pod, container, node) ?? lackOfRoom(pod);
  if (taken !== undefined) return skip(reason('NotInjectable', taken));
  const env = container.env.findLast(({ name }) => name === PEERS_FILE_ENV);
  return {
    kind: 'inject',
    main,
    addVolume: ourNamed(pod) === undefined,
    addMount: !usesOurName(container),
    addEnv: env === undefined,
    warnings: env === undefined || env.value === PEERS_FILE_PATH ? [] : [reason('EnvTaken')],
  };
}

/**
 * True if the pod has our volume, mounted at our path in its main container, with the keys of `node`;
 * without `node`, with those of any one validator. Annotations prove nothing: pods inherit them.
 */
export function isInjected(pod: PodShape, node?: string): boolean {
  const volume = ourNamed(pod);
  const container = pod.containers[mainIndex(pod)];
  const owner = node ?? nodeOfKeys(volume?.keys[0] ?? '');
  return (
    volume !== undefined &&
    container !== undefined &&
    isOurs(volume, owner) &&
    ourMounts(container).some(({ folder }) => folder === MOUNT_PATH)
  );
}

/** Index of the container that runs stellar-core; sidecars may stand in front of it. */
function mainIndex({ containers }: PodShape): number {
  return Math.max(
    0,
    containers.findIndex(({ name }) => name === MAIN_CONTAINER),
  );
}

const ourNamed = ({ volumes }: PodShape): VolumeShape | undefined =>
  volumes.find(({ name }) => name === VOLUME_NAME);

const ourMounts = ({ mounts }: ContainerShape) => mounts.filter(({ name }) => name === VOLUME_NAME);

const usesOurName = ({ mounts }: ContainerShape): boolean => mounts.some(({ name }) => name === VOLUME_NAME);

function isOurs({ configMap, keys }: VolumeShape, node: string): boolean {
  const { txt, toml } = nodeKeys(node);
  return configMap === PEERS_CONFIGMAP && keys.length === 2 && keys.includes(txt) && keys.includes(toml);
}

/** The validator that a key like `validator-1.peers.txt` belongs to; empty for any other key. */
function nodeOfKeys(key: string): string {
  const suffix = Object.values(nodeKeys('')).find((end) => key.endsWith(end));
  return suffix === undefined ? '' : key.slice(0, -suffix.length);
}

/** What of the pod stands where ours would go, in words; undefined where nothing does. */
function takenName(pod: PodShape, container: ContainerShape, node: string): string | undefined {
  const named = pod.volumes.filter(({ name }) => name === VOLUME_NAME);
  if (!named.every((volume) => isOurs(volume, node)) || named.length > 1) return `volume ${VOLUME_NAME}`;
  if (named.length === 0) {
    // The volume behind such a mount comes later: a StatefulSet adds those of its volumeClaimTemplates.
    const user = pod.containers.find(usesOurName) ?? pod.initContainers.find(usesOurName);
    if (user) return `mount of ${VOLUME_NAME} in ${user.name}`;
  }
  // Nested mounts are refused too, though the API server accepts them: the runtime has to create the inner
  // mount point inside the outer volume, and where that is read-only (ours is, as is every ConfigMap and
  // Secret) the container does not start.
  const mount = container.mounts.find(({ name, folder }) =>
    name === VOLUME_NAME ? folder !== MOUNT_PATH : overlaps(folder, MOUNT_PATH),
  );
  return mount && `mount at ${mount.path} in ${container.name}`;
}

/** The API server refuses an object whose annotations, keys included, are larger than this. */
const ANNOTATION_BYTES_MAX = 256 * 1024;
/** Both of ours, for a view of 100 peers. */
const OUR_ANNOTATION_BYTES_MAX = 1024;

function lackOfRoom({ annotations }: PodShape): string | undefined {
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    if (key !== ANNOTATION_PEERS && key !== ANNOTATION_PEER_HASH)
      bytes += key.length + Buffer.byteLength(value);
  }
  return bytes > ANNOTATION_BYTES_MAX - OUR_ANNOTATION_BYTES_MAX
    ? `${bytes} bytes of annotations`
    : undefined;
}
