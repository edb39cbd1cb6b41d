/**
 * Raw pod + decision → JSON Patch, built directly. A patch that does not apply, or makes a name appear
 * twice, denies the pod even under failurePolicy Ignore, so each operation is checked against the pod
 * before it is returned; on any doubt there is no patch.
 */
import { type Fields, fieldsOf, listOf, textOf } from '../peers/field.ts';
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

/** RFC 6902 operation. */
export interface PatchOperation {
  readonly op: 'add' | 'replace';
  /** JSON Pointer (RFC 6901). */
  readonly path: string;
  readonly value: unknown;
}

/** What a pod is stamped with: the view that it starts with. */
export interface Stamp {
  readonly hash: string;
  readonly digests: readonly string[];
}

/** The stamp of a pod that starts before its view is published. */
export const EMPTY_STAMP: Stamp = { hash: viewHash([]), digests: [] };

export type PatchResult =
  | { readonly kind: 'patch'; readonly operations: readonly PatchOperation[] }
  | { readonly kind: 'doubt'; readonly what: string };

/** An operation whose path is still a list of tokens; `-` at the end appends to a list. */
interface Step {
  readonly op: 'add' | 'replace';
  readonly tokens: readonly string[];
  readonly value: unknown;
}

const ANNOTATIONS = ['metadata', 'annotations'];
const VOLUMES = ['spec', 'volumes'];
const APPEND = '-';

/** Operations that carry out `decision` on `pod` for validator `node`; none where all is there already. */
export function buildPatch(
  pod: Fields,
  decision: Injection,
  { node, stamp }: { node: string; stamp: Stamp },
): PatchResult {
  const container = ['spec', 'containers', String(decision.main)];
  const steps = [
    ...stampSteps(pod, stamp),
    ...(decision.addVolume ? [addToList(pod, VOLUMES, volumeOf(node))] : []),
    ...(decision.addMount ? [addToList(pod, [...container, 'volumeMounts'], MOUNT)] : []),
    ...(decision.addEnv ? [addToList(pod, [...container, 'env'], ENV)] : []),
  ];
  const what = misplaced(pod) ?? steps.map((step) => doubtAbout(pod, step)).find((doubt) => doubt);
  if (what !== undefined) return { kind: 'doubt', what };
  return {
    kind: 'patch',
    operations: steps.map(({ op, tokens, value }) => ({ op, path: pointer(tokens), value })),
  };
}

const MOUNT = { name: VOLUME_NAME, mountPath: MOUNT_PATH, readOnly: true };
const ENV = { name: PEERS_FILE_ENV, value: PEERS_FILE_PATH };

function volumeOf(node: string) {
  const keys = nodeKeys(node);
  const items = [
    { key: keys.txt, path: PEERS_TXT },
    { key: keys.toml, path: PEERS_TOML },
  ];
  return { name: VOLUME_NAME, configMap: { name: PEERS_CONFIGMAP, optional: true, items } };
}

/** Sets the two annotations; inherited values are overwritten, since admission alone may claim them. */
function stampSteps(pod: Fields, stamp: Stamp): Step[] {
  const wanted = {
    [ANNOTATION_PEER_HASH]: stamp.hash,
    [ANNOTATION_PEERS]: formatDigests(stamp.digests),
  };
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

const addToList = (pod: Fields, tokens: readonly string[], item: unknown): Step =>
  isAbsent(valueAt(pod, tokens))
    ? { op: 'add', tokens, value: [item] }
    : { op: 'add', tokens: [...tokens, APPEND], value: item };

/** Containers that are no objects would shift the index that the decision speaks of. */
function misplaced(pod: Fields): string | undefined {
  const containers = valueAt(pod, ['spec', 'containers']);
  const readable = Array.isArray(containers) && listOf(containers).length === containers.length;
  return readable ? undefined : 'spec.containers is not a list of objects';
}

/** Why the step might not apply, or might make a name appear twice; undefined where neither can be. */
function doubtAbout(pod: Fields, { op, tokens, value }: Step): string | undefined {
  const parent = tokens.slice(0, -1);
  const last = tokens.at(-1) ?? '';
  const holder = valueAt(pod, parent);
  if (last === APPEND) {
    return Array.isArray(holder) ? duplicateIn(pod, parent, value) : `${parent.join('.')} is not a list`;
  }
  if (!isObject(holder)) return `${parent.join('.')} is not an object`;
  const present = Object.hasOwn(holder, last) ? holder[last] : undefined;
  if (op === 'replace') return present === undefined ? `${tokens.join('.')} is missing` : undefined;
  return isAbsent(present) ? duplicateIn(pod, tokens, value) : `${tokens.join('.')} is there already`;
}

/** The field by which Kubernetes tells the entries of a list apart. */
const KEY_FIELDS: Readonly<Record<string, string>> = {
  volumes: 'name',
  volumeMounts: 'mountPath',
  env: 'name',
};

/** What an added list entry would collide with, on the raw pod: shapes leave out what they do not know. */
function duplicateIn(pod: Fields, list: readonly string[], value: unknown): string | undefined {
  const field = KEY_FIELDS[list.at(-1) ?? ''];
  if (field === undefined) return undefined;
  const added = fieldsOf(Array.isArray(value) ? value[0] : value)[field];
  const taken = listOf(valueAt(pod, list)).some((entry) => entry[field] === added);
  const asDevice = listOf(valueAt(pod, [...list.slice(0, -1), 'volumeDevices'])).some(
    (device) => device.devicePath === added,
  );
  return taken || asDevice ? `${list.join('.')} has ${textOf(added)} already` : undefined;
}

const isAbsent = (value: unknown): value is undefined | null => value === undefined || value === null;

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value under a path of tokens; undefined where some part of the path is missing. */
function valueAt(root: unknown, tokens: readonly string[]): unknown {
  return tokens.reduce<unknown>((value, token) => {
    if (Array.isArray(value)) return value[Number(token)];
    return isObject(value) && Object.hasOwn(value, token) ? value[token] : undefined;
  }, root);
}

/** JSON Pointer of the tokens (RFC 6901: `~` is written `~0`, `/` is written `~1`). */
const pointer = (tokens: readonly string[]): string =>
  tokens.map((token) => `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
