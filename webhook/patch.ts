/**
 * Raw pod + decision → JSON Patch, built directly. Each operation is checked against the pod before it is
 * returned; on any doubt there is no patch.
 */
import { type Fields, fieldsOf } from '../peers/field.ts';
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
import { lastingValue, type PatchOperation } from './encode.ts';
import { type MergePart, mergeSteps, misplacedMount } from './merge-steps.ts';
import { addToList, doubtAbout, isAbsent, misplaced, pointer, type Step, valueAt } from './steps.ts';

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

const ANNOTATIONS = ['metadata', 'annotations'];
const VOLUMES = ['spec', 'volumes'];

/**
 * Operations that carry out `decision`, and `merge` where that is wanted, on `pod` for validator `node`; none
 * where all is there already.
 */
export function buildPatch(
  pod: Fields,
  decision: Injection,
  { node, stamp, merge }: { node: string; stamp: Stamp; merge?: MergePart | undefined },
): PatchResult {
  const container = ['spec', 'containers', String(decision.main)];
  const own = ownParts(node, stamp);
  const steps = [
    ...stampSteps(pod, own.annotations),
    ...(decision.addVolume ? [addToList(pod, VOLUMES, own.volume)] : []),
    ...(decision.addMount ? [addToList(pod, [...container, 'volumeMounts'], MOUNT)] : []),
    ...(decision.addEnv ? [addToList(pod, [...container, 'env'], ENV)] : []),
    ...(merge ? mergeSteps(pod, container, merge) : []),
  ];
  const what =
    misplaced(pod) ??
    (merge && misplacedMount(pod, container, merge)) ??
    steps.map((step) => doubtAbout(pod, step)).find((doubt) => doubt);
  if (what !== undefined) return { kind: 'doubt', what };
  return {
    kind: 'patch',
    operations: steps.map(({ op, tokens, value }) => ({ op, path: pointer(tokens), value })),
  };
}

const MOUNT = lastingValue({ name: VOLUME_NAME, mountPath: MOUNT_PATH, readOnly: true });
const ENV = lastingValue({ name: PEERS_FILE_ENV, value: PEERS_FILE_PATH });

/** What of a patch is one validator's own. */
interface OwnParts {
  readonly node: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly volume: object;
}

/** By the view itself, which never changes: once another is published, these are neither found nor kept. */
const known = new WeakMap<Stamp, OwnParts>();

function ownParts(node: string, stamp: Stamp): OwnParts {
  const found = known.get(stamp);
  // Whoever starts before its view is published shares its stamp with others.
  if (found?.node === node) return found;
  const annotations = {
    [ANNOTATION_PEER_HASH]: stamp.hash,
    [ANNOTATION_PEERS]: formatDigests(stamp.digests),
  };
  const made = { node, annotations: lastingValue(annotations), volume: lastingValue(volumeOf(node)) };
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
function stampSteps(pod: Fields, wanted: OwnParts['annotations']): Step[] {
  const present = valueAt(pod, ANNOTATIONS);
  if (isAbsent(present)) return [{ op: 'add', tokens: ANNOTATIONS, value: wanted }];
  const annotations = fieldsOf(present);
  return Object.entries(wanted)
    .filter(([key, value]) => annotations[key] !== value)
    .map(([key, value]) => ({
      op: Object.hasOwn(annotations, key) ? 'replace' : 'add',
      tokens: [...ANNOTATIONS, key],
      value,
    }));
}
