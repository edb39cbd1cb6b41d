/**
 * Raw pod + decision → JSON Patch, built directly. Each operation is checked against the pod before it is
 * returned; on any doubt there is no patch.
 */
import { type Fields, fieldsOf, listOf } from '../peers/field.ts';
import { formatDigests, viewHash } from '../peers/hash.ts';
import type { Injection } from '../peers/inject.ts';
import {
  ANNOTATION_PEER_HASH,
  ANNOTATION_PEERS,
  MOUNT_PATH,
  nodeKeys,
  PEERS_CONFIGMAP,
  PEERS_FILE_ENV,
  PEERS_FILE_PATH,
  PEERS_TOML,
  PEERS_TXT,
  VOLUME_NAME,
} from '../peers/names.ts';
import { Part, type PatchOperation } from './encode.ts';
import { type MergePart, mergeDoubt, mergeSteps } from './merge-steps.ts';
import { ANNOTATIONS, containerPaths, HASH_PATH, METADATA, PEERS_PATH, VOLUMES } from './places.ts';
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
  { node, stamp, merge }: { node: string; stamp: Stamp; merge?: MergePart | undefined },
): PatchResult {
  const spec = fieldsOf(pod.spec);
  const containers = spec.containers;
  const container: unknown = Array.isArray(containers) ? containers[decision.main] : undefined;
  const { volumeMounts, env } = fieldsOf(container);
  const paths = containerPaths(decision.main);
  const own = ownParts(node, stamp);
  const steps = stampSteps(pod.metadata, own);
  if (decision.addVolume) {
    steps.push(addToList(own.volume, { paths: VOLUMES, holder: pod.spec, list: spec.volumes }));
  }
  if (decision.addMount) {
    steps.push(addToList(MOUNT, { paths: paths.mounts, holder: container, list: volumeMounts }));
  }
  if (decision.addEnv) steps.push(addToList(ENV, { paths: paths.env, holder: container, list: env }));
  if (merge) steps.push(...mergeSteps({ spec, container, paths }, merge));
  const what =
    misplaced(containers) ??
    (merge && mergeDoubt({ spec, container }, merge)) ??
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

const MOUNT = new Part({ name: VOLUME_NAME, mountPath: MOUNT_PATH, readOnly: true });
const ENV = new Part({ name: PEERS_FILE_ENV, value: PEERS_FILE_PATH });

/** What of a patch is one validator's own. */
interface OwnParts {
  readonly node: string;
  readonly hash: Part;
  readonly peers: Part;
  /** Both annotations, where there are no others. */
  readonly annotations: Part;
  readonly volume: Part;
}

/** By the view itself, which never changes: once another is published, these are neither found nor kept. */
const known = new WeakMap<Stamp, OwnParts>();

function ownParts(node: string, stamp: Stamp): OwnParts {
  const found = known.get(stamp);
  // Whoever starts before its view is published shares its stamp with others.
  if (found?.node === node) return found;
  const [hash, peers] = [stamp.hash, formatDigests(stamp.digests)];
  const annotations = { [ANNOTATION_PEER_HASH]: hash, [ANNOTATION_PEERS]: peers };
  const made = {
    node,
    hash: new Part(hash),
    peers: new Part(peers),
    annotations: new Part(annotations),
    volume: new Part(volumeOf(node)),
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
