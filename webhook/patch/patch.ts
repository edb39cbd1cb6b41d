/**
 * Builds the JSON Patch for a raw pod and a decision. Each operation is checked against the pod. If any of them might not
 * apply, there is no patch.
 */
import { type Fields, fieldsOf, listOf, textOf } from '../../peers/field.ts';
import { formatDigests, viewHash } from '../../peers/hash.ts';
import type { Injection } from '../../peers/injection/inject.ts';
import type { ReloadResources } from '../../peers/injection/reload.ts';
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
  VOLUME_NAME,
} from '../../peers/names.ts';
import type { PatchOperation } from '../../runtime/kube/port.ts';
import { addMerge, followMain, type MergePart, mergeConflict } from './merge-patch.ts';
import { isAbsent, PodPatch } from './pod-patch.ts';
import { carryOutReload, type ReloadPart } from './reload-patch.ts';

/** The stamp of a pod: the view that it starts with. */
export interface Stamp {
  readonly hash: string;
  readonly digests: readonly string[];
}

/** The stamp of a pod that starts before its view is published. */
export const EMPTY_STAMP: Stamp = { hash: viewHash([]), digests: [] };

export type PatchResult =
  | { readonly kind: 'patch'; readonly operations: readonly PatchOperation[] }
  | { readonly kind: 'conflict'; readonly what: string };

interface Additions {
  readonly node: string;
  readonly stamp: Stamp;
  readonly merge?: MergePart | undefined;
  /** True if the pod already has all parts of a merge. */
  readonly isMerged?: boolean;
  /** The sidecar to add, or the resources of a sidecar that the pod has already. */
  readonly reload?: ReloadPart | ReloadResources | undefined;
}

/**
 * The operations that inject `pod`, with the optional `merge` and `reload`. There are none if the pod has all parts
 * already.
 */
export function buildPatch(
  pod: Fields,
  decision: Injection,
  { node, stamp, merge, isMerged, reload }: Additions,
): PatchResult {
  const { containers } = fieldsOf(pod.spec);
  const holder: unknown = Array.isArray(containers) ? containers[decision.main] : undefined;
  const spec = { holder: pod.spec, path: '/spec' };
  const main = { holder, path: `/spec/containers/${decision.main}` };
  const { peers } = decision.places;
  const patch = new PodPatch();
  addStamp(patch, pod.metadata, stamp);
  if (decision.addVolume) patch.append(spec, 'volumes', volumeOf(node));
  if (decision.addMount)
    patch.append(main, 'volumeMounts', { name: VOLUME_NAME, mountPath: peers, readOnly: true });
  if (decision.addEnv) patch.append(main, 'env', { name: PEERS_FILE_ENV, value: `${peers}/${PEERS_TXT}` });
  const { annotations } = fieldsOf(pod.metadata);
  if (merge) {
    addMerge(patch, { spec, main, annotations }, merge);
    allowEviction(patch, annotations);
  } else if (isMerged) followMain(patch, { spec, main });
  const unfit = reload && carryOutReload(patch, { spec, main, annotations }, reload);
  const what =
    misplaced(containers) ?? (merge && mergeConflict({ spec, main }, merge)) ?? unfit ?? patch.conflict;
  return what === undefined ? { kind: 'patch', operations: patch.operations } : { kind: 'conflict', what };
}

/** The conflict if spec.containers has an item that is no object: the index in the decision would be wrong. */
const misplaced = (containers: unknown): string | undefined =>
  Array.isArray(containers) && listOf(containers).length === containers.length
    ? undefined
    : 'spec.containers is not a list of objects';

function volumeOf(node: string) {
  const keys = nodeKeys(node);
  const items = [
    { key: keys.txt, path: PEERS_TXT },
    { key: keys.toml, path: PEERS_TOML },
  ];
  return { name: VOLUME_NAME, configMap: { name: PEERS_CONFIGMAP, optional: true, items } };
}

const ANNOTATIONS = '/metadata/annotations';

/** Lists our volume as one that a cluster autoscaler may lose, because each start writes its content again. */
function allowEviction(patch: PodPatch, annotations: unknown): void {
  // Annotations exist here, because addStamp has run before.
  const holder = fieldsOf(annotations);
  const names = (textOf(holder[ANNOTATION_EVICTABLE]) ?? '').split(',').filter((name) => name !== '');
  if (names.some((name) => name.trim() === CONFIG_VOLUME)) return;
  patch.set({ holder, path: ANNOTATIONS }, ANNOTATION_EVICTABLE, [...names, CONFIG_VOLUME].join(','));
}

/** Sets the two annotations. Overwrites values from the template, because only admission may set them. */
function addStamp(patch: PodPatch, metadata: unknown, { hash, digests }: Stamp): void {
  const { annotations } = fieldsOf(metadata);
  const stamp = { [ANNOTATION_PEER_HASH]: hash, [ANNOTATION_PEERS]: formatDigests(digests) };
  if (isAbsent(annotations)) patch.set({ holder: metadata, path: '/metadata' }, 'annotations', stamp);
  else
    for (const [key, value] of Object.entries(stamp))
      if (fieldsOf(annotations)[key] !== value)
        patch.set({ holder: annotations, path: ANNOTATIONS }, key, value);
}
