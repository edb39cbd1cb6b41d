/**
 * Decides what to inject into a pod. Admission applies the decision; the reconciler predicts the next pod with it.
 *
 *   of the pod …                                              → decision
 *   its StellarNode, namespace or own annotation opts out     → skip OptedOut
 *   no container that is known to run stellar-core            → skip NoMainContainer
 *   another's volume with our volume's name                   → skip NotInjectable
 *   our name mounted without our volume, or at another path   → skip NotInjectable
 *   another volume mounted at or below our path               → skip NotInjectable
 *   another volume mounted above our path                     → inject, at another path
 *   annotations that leave no room for ours                   → skip NotInjectable
 *   KNOWN_PEERS_FILE set to something else                    → inject, that value kept: EnvTaken
 *   one of our parts that is there already                    → inject the other parts
 */
import {
  ANNOTATION_EVICTABLE,
  ANNOTATION_PEER_HASH,
  ANNOTATION_PEER_RESTART,
  ANNOTATION_PEERS,
  CONFIG_VOLUME,
  INJECTION,
  MAIN_CONTAINER,
  nodeKeys,
  PEERS_CONFIGMAP,
  PEERS_FILE_ENV,
  PEERS_TXT,
  PLACES,
  PLACES_ASIDE,
  type Places,
  VOLUME_NAME,
} from '../names.ts';
import { type ContainerShape, mainContainerOf, type PodShape, type VolumeShape } from '../read/pod-shape.ts';
import { type Reason, reason } from '../reasons/reasons.ts';
import { isBelow, overlaps } from './paths.ts';

/** The parts to add to a pod; empty if all of them are there already. */
export interface Injection {
  readonly kind: 'inject';
  /** Index of the main container in `spec.containers`. */
  readonly main: number;
  readonly places: Places;
  readonly addVolume: boolean;
  readonly addMount: boolean;
  readonly addEnv: boolean;
  readonly warnings: readonly Reason[];
}

export type InjectionDecision = Injection | { readonly kind: 'skip'; readonly reason: Reason };

const INJECTION_ENABLED = 'enabled';

/** The paths of our files in the main container. */
export const placesFor = ({ mounts }: ContainerShape): Places =>
  mounts.some(({ folder }) => isBelow(PLACES.peers, folder)) ? PLACES_ASIDE : PLACES;

const skip = (why: Reason): InjectionDecision => ({ kind: 'skip', reason: why });

/** True if the value opts out. An unknown one does too: a person who wrote `off` meant something. */
export const optsOut = (value: string | undefined): boolean =>
  value !== undefined && value !== INJECTION_ENABLED;

/** Decides what to inject into `pod` of validator `node`. `optedOut` is the choice of its StellarNode and Namespace. */
export function decideInjection(
  pod: PodShape,
  { node, optedOut }: { node: string; optedOut: boolean },
): InjectionDecision {
  const own = pod.annotations[INJECTION];
  if (optedOut) return skip(reason('OptedOut'));
  if (optsOut(own)) return skip(reason('OptedOut', `the pod says ${own}`));
  if (pod.containers.length === 0) return skip(reason('UnreadablePod', 'it has no containers'));
  const container = mainContainerOf(pod);
  if (!container) return skip(reason('NoMainContainer', pod.containers.map(({ name }) => name).join(', ')));
  const taken = takenName(pod, container, node) ?? lackOfRoom(pod);
  if (taken !== undefined) return skip(reason('NotInjectable', taken));
  const places = placesFor(container);
  const env = container.env.findLast(({ name }) => name === PEERS_FILE_ENV);
  return {
    kind: 'inject',
    main: pod.containers.indexOf(container),
    places,
    addVolume: ourNamed(pod) === undefined,
    addMount: !usesOurName(container),
    addEnv: env === undefined,
    warnings: env === undefined || env.value === `${places.peers}/${PEERS_TXT}` ? [] : [reason('EnvTaken')],
  };
}

/**
 * True if the pod has our volume with the keys of `node` (without `node`: of any one validator), mounted at our path in
 * its main container. Annotations prove nothing, because pods inherit them. If no container has the operator's name,
 * each container counts, since earlier versions took the first one for the main container.
 */
export function isInjected(pod: PodShape, node?: string): boolean {
  const volume = ourNamed(pod);
  const owner = node ?? nodeOfKeys(volume?.items[0]?.key ?? '');
  const named = pod.containers.find(({ name }) => name === MAIN_CONTAINER);
  const able = named ? [named] : pod.containers;
  return (
    volume !== undefined &&
    isOurs(volume, owner) &&
    able.some((container) => ourMounts(container).some(({ folder }) => OUR_FOLDERS.has(folder)))
  );
}

const OUR_FOLDERS: ReadonlySet<string> = new Set([PLACES.peers, PLACES_ASIDE.peers]);

const ourNamed = ({ volumes }: PodShape): VolumeShape | undefined =>
  volumes.find(({ name }) => name === VOLUME_NAME);

const ourMounts = ({ mounts }: ContainerShape) => mounts.filter(({ name }) => name === VOLUME_NAME);

const usesOurName = ({ mounts }: ContainerShape): boolean => mounts.some(({ name }) => name === VOLUME_NAME);

function isOurs({ configMap, items }: VolumeShape, node: string): boolean {
  const keys = items.map(({ key }) => key);
  const { txt, toml } = nodeKeys(node);
  return configMap === PEERS_CONFIGMAP && keys.length === 2 && keys.includes(txt) && keys.includes(toml);
}

function nodeOfKeys(key: string): string {
  const suffix = Object.values(nodeKeys('')).find((end) => key.endsWith(end));
  return suffix === undefined ? '' : key.slice(0, -suffix.length);
}

/** The part of the pod that is in the way of ours, in words; undefined if there is none. */
function takenName(pod: PodShape, container: ContainerShape, node: string): string | undefined {
  const named = pod.volumes.filter(({ name }) => name === VOLUME_NAME);
  if (!named.every((volume) => isOurs(volume, node)) || named.length > 1) return `volume ${VOLUME_NAME}`;
  if (named.length === 0) {
    // The volume behind such a mount may come later: a StatefulSet adds the volumes of its volumeClaimTemplates.
    const user = pod.containers.find(usesOurName) ?? pod.initContainers.find(usesOurName);
    if (user) return `mount of ${VOLUME_NAME} in ${user.name}`;
  }
  // Nested mounts are refused too, though the API server accepts them. The runtime must create the inner mount point
  // inside the outer volume. If that volume is read-only, like ours and every ConfigMap and Secret, the container does
  // not start.
  const { peers } = placesFor(container);
  const mount = container.mounts.find(({ name, folder }) =>
    name === VOLUME_NAME ? folder !== peers : overlaps(folder, peers),
  );
  return mount && `mount at ${mount.path} in ${container.name}`;
}

const namesOfOthers = (volumes: string): string =>
  volumes
    .split(',')
    .filter((name) => name.trim() !== CONFIG_VOLUME)
    .join(',');

/** The API server refuses an object whose annotations, keys included, are larger than this. */
const ANNOTATION_BYTES_MAX = 256 * 1024;
/** The size of our annotations, for a view of 100 peers and with our volume in the autoscaler's annotation. */
const OUR_ANNOTATION_BYTES_MAX = 1152;
/** Not counted as others' annotations. A restart adds the last one, which must not take the room of the first two. */
const OUR_ANNOTATIONS = new Set([ANNOTATION_PEERS, ANNOTATION_PEER_HASH, ANNOTATION_PEER_RESTART]);

function lackOfRoom({ annotations }: PodShape): string | undefined {
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    // On a second review of the same pod, our part is already there.
    const others = key === ANNOTATION_EVICTABLE ? namesOfOthers(value) : value;
    const isOurs = OUR_ANNOTATIONS.has(key) || (others === '' && value !== '');
    if (!isOurs) bytes += key.length + Buffer.byteLength(others);
  }
  return bytes > ANNOTATION_BYTES_MAX - OUR_ANNOTATION_BYTES_MAX
    ? `${bytes} bytes of annotations`
    : undefined;
}
