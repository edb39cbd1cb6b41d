/**
 * Raw pod + decision → JSON Patch, built directly. Each operation is checked against the pod before it is
 * returned; on any doubt there is no patch.
 */
import { type Fields, fieldsOf, listOf, textOf } from '../../peers/field.ts';
import { formatDigests, viewHash } from '../../peers/hash.ts';
import type { Injection } from '../../peers/injection/inject.ts';
import {
  ANNOTATION_EVICTABLE,
  ANNOTATION_PEER_HASH,
  ANNOTATION_PEERS,
  CONFIG_VOLUME,
  nodeKeys,
  PEERS_CONFIGMAP,
  PEERS_FILE_ENV,
  PEERS_TOML,
  PEERS_TXT,
  PLACES,
  PLACES_ASIDE,
  type Places,
  VOLUME_NAME,
} from '../../peers/names.ts';
import { EncodedValue, type PatchOperation } from './encode.ts';
import {
  ANNOTATIONS,
  containerPaths,
  EVICTABLE_PATH,
  HASH_PATH,
  METADATA,
  PEERS_PATH,
  VOLUMES,
} from './json-pointers.ts';
import { followSteps, type MergePart, mergeConflict, mergeSteps } from './merge-steps.ts';
import { addToList, isAbsent, put, type Step } from './steps.ts';

/** What a pod is stamped with: the view that it starts with. */
export interface Stamp {
  readonly hash: string;
  readonly digests: readonly string[];
}

/** The stamp of a pod that starts before its view is published. */
export const EMPTY_STAMP: Stamp = { hash: viewHash([]), digests: [] };

export type { PatchOperation };

export type PatchResult =
  | { readonly kind: 'patch'; readonly operations: readonly PatchOperation[] }
  | { readonly kind: 'doubt'; readonly what: string };

/**
 * Operations that carry out `decision`, and `merge` where that is wanted, on `pod` for validator `node`; none
 * where all is there already.
 */
export function buildPatch(
  pod: Fields,
  decision: Injection,
  { node, stamp, merge }: { node: string; stamp: Stamp; merge?: MergePart | 'merged' | undefined },
): PatchResult {
  const spec = fieldsOf(pod.spec);
  const containers = spec.containers;
  const container: unknown = Array.isArray(containers) ? containers[decision.main] : undefined;
  const { volumeMounts, env } = fieldsOf(container);
  const paths = containerPaths(decision.main);
  const own = ownParts(node, stamp);
  const { mount, variable } = decision.places === PLACES_ASIDE ? ASIDE : USUAL;
  const steps = stampSteps(pod.metadata, own);
  if (decision.addVolume) {
    steps.push(addToList(own.volume, { paths: VOLUMES, holder: pod.spec, list: spec.volumes }));
  }
  if (decision.addMount) {
    steps.push(addToList(mount, { paths: paths.mounts, holder: container, list: volumeMounts }));
  }
  if (decision.addEnv) steps.push(addToList(variable, { paths: paths.env, holder: container, list: env }));
  const part = merge === 'merged' ? undefined : merge;
  const { annotations } = fieldsOf(pod.metadata);
  if (part) {
    const target = { spec, container, paths, annotations };
    steps.push(...mergeSteps(target, part), ...evictionSteps(annotations));
  } else if (merge) steps.push(...followSteps({ spec, container }));
  const what =
    misplaced(containers) ??
    (part && mergeConflict({ spec, container }, part)) ??
    steps.find(({ doubt }) => doubt !== undefined)?.doubt;
  if (what !== undefined) return { kind: 'doubt', what };
  return {
    kind: 'patch',
    operations: steps.map(({ operation }) => operation),
  };
}

/** Containers that are no objects would shift the index that the decision speaks of. */
const misplaced = (containers: unknown): string | undefined =>
  Array.isArray(containers) && listOf(containers).length === containers.length
    ? undefined
    : 'spec.containers is not a list of objects';

const partsAt = ({ peers }: Places) => ({
  mount: new EncodedValue({ name: VOLUME_NAME, mountPath: peers, readOnly: true }),
  variable: new EncodedValue({ name: PEERS_FILE_ENV, value: `${peers}/${PEERS_TXT}` }),
});
const USUAL = partsAt(PLACES);
const ASIDE = partsAt(PLACES_ASIDE);

/** What of a patch is one validator's own. */
interface OwnParts {
  readonly node: string;
  readonly hash: EncodedValue;
  readonly peers: EncodedValue;
  /** Both annotations, where there are no others. */
  readonly annotations: EncodedValue;
  readonly volume: EncodedValue;
}

/** By the view itself, which never changes: once another is published, these are neither found nor kept. */
const known = new WeakMap<Stamp, OwnParts>();

function ownParts(node: string, stamp: Stamp): OwnParts {
  const found = known.get(stamp);
  // A pod that starts before its view is published shares its stamp with others.
  if (found?.node === node) return found;
  const [hash, peers] = [stamp.hash, formatDigests(stamp.digests)];
  const annotations = { [ANNOTATION_PEER_HASH]: hash, [ANNOTATION_PEERS]: peers };
  const made = {
    node,
    hash: new EncodedValue(hash),
    peers: new EncodedValue(peers),
    annotations: new EncodedValue(annotations),
    volume: new EncodedValue(volumeOf(node)),
  };
  known.set(stamp, made);
  return made;
}

function volumeOf(node: string) {
  const keys = nodeKeys(node);
  const items = [
    { key: keys.txt, path: PEERS_TXT },
    { key: keys.toml, path: PEERS_TOML },
  ];
  return { name: VOLUME_NAME, configMap: { name: PEERS_CONFIGMAP, optional: true, items } };
}

/** Names our volume beside those that a cluster autoscaler may lose. It holds nothing that is not written anew. */
function evictionSteps(annotations: unknown): Step[] {
  const present = fieldsOf(annotations)[ANNOTATION_EVICTABLE];
  const names = (textOf(present) ?? '').split(',').filter((name) => name !== '');
  if (names.some((name) => name.trim() === CONFIG_VOLUME)) return [];
  const value = [...names, CONFIG_VOLUME].join(',');
  // The stamp has made the annotations by then.
  const op = isAbsent(present) ? 'add' : 'replace';
  return [{ operation: { op, path: EVICTABLE_PATH, value }, doubt: undefined }];
}

/** Sets the two annotations; inherited values are overwritten, since admission alone may claim them. */
function stampSteps(metadata: unknown, own: OwnParts): Step[] {
  const { annotations } = fieldsOf(metadata);
  if (isAbsent(annotations)) {
    const place = { path: ANNOTATIONS, present: annotations, holder: metadata, holderPath: METADATA };
    return [put(own.annotations, place)];
  }
  const { [ANNOTATION_PEER_HASH]: hash, [ANNOTATION_PEERS]: peers } = fieldsOf(annotations);
  const holder = { holder: annotations, holderPath: ANNOTATIONS };
  const steps: Step[] = [];
  if (hash !== own.hash.value) steps.push(put(own.hash, { path: HASH_PATH, present: hash, ...holder }));
  if (peers !== own.peers.value) steps.push(put(own.peers, { path: PEERS_PATH, present: peers, ...holder }));
  return steps;
}
