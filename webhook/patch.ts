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
import { lastingOperation, lastingValue, type PatchOperation } from './encode.ts';
import { type MergePart, mergeDoubt, mergeSteps } from './merge-steps.ts';
import { addToList, at, isAbsent, type Place, put, rootOf, type Step } from './steps.ts';

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
  const root = rootOf(pod);
  const spec = at(root, 'spec');
  const containers = at(spec, 'containers');
  const container = at(containers, decision.main);
  const own = ownParts(node, stamp);
  const steps = [
    ...stampSteps(at(root, 'metadata'), own),
    ...(decision.addVolume ? [addToList(spec, 'volumes', own.volume)] : []),
    ...(decision.addMount ? [addToList(container, 'volumeMounts', MOUNT)] : []),
    ...(decision.addEnv ? [addToList(container, 'env', ENV)] : []),
    ...(merge ? mergeSteps(spec, container, merge) : []),
  ];
  const what =
    misplaced(containers.value) ??
    (merge && mergeDoubt(spec, container, merge)) ??
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

const MOUNT = lastingValue({ name: VOLUME_NAME, mountPath: MOUNT_PATH, readOnly: true });
const ENV = lastingValue({ name: PEERS_FILE_ENV, value: PEERS_FILE_PATH });

/** What of a patch is one validator's own. */
interface OwnParts {
  readonly node: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** What sets each of them where there are others, by operation and path. */
  readonly stamps: ReadonlyMap<string, PatchOperation>;
  readonly volume: Fields;
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
  const [lasting, volume] = [lastingValue(annotations), lastingValue(volumeOf(node))];
  const made = { node, annotations: lasting, stamps: stampsOf(annotations), volume };
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

/** The operations that may set these annotations, by operation and path. */
function stampsOf(annotations: OwnParts['annotations']): Map<string, PatchOperation> {
  const holder = at(at(rootOf({}), 'metadata'), 'annotations');
  const all = STAMPED.flatMap((key) =>
    (['add', 'replace'] as const).map((op) => ({ op, path: at(holder, key).path, value: annotations[key] })),
  );
  return new Map(all.map((operation) => [operation.op + operation.path, lastingOperation(operation)]));
}

/** Sets the two annotations; inherited values are overwritten, since admission alone may claim them. */
function stampSteps(metadata: Place, { annotations: wanted, stamps }: OwnParts): Step[] {
  const annotations = at(metadata, 'annotations');
  if (isAbsent(annotations.value)) return [put(metadata, 'annotations', wanted)];
  const present = fieldsOf(annotations.value);
  return STAMPED.filter((key) => present[key] !== wanted[key]).map((key) => {
    const { operation, doubt } = put(annotations, key, wanted[key]);
    return { operation: stamps.get(operation.op + operation.path) ?? operation, doubt };
  });
}

const STAMPED = [ANNOTATION_PEER_HASH, ANNOTATION_PEERS];
