/**
 * The ownership of fields, as in `metadata.managedFields`, by server-side apply and by plain writes. A field is a path to a
 * leaf. A list that Kubernetes merges by a key is a path through that key; any other list is one leaf.
 */
import type { KubeObject } from '../../runtime/kube/port.ts';
import { frozen, isFields, isSame } from './frozen.ts';

/** The paths of each owner, by `operation manager`. Immutable. */
export type Owners = ReadonlyMap<string, ReadonlySet<string>>;
export const NO_OWNERS: Owners = new Map();

const SEPARATOR = '\n';
/** Fields that the server itself writes. */
const SERVERS_OWN = new Set([
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'managedFields',
]);
const LIST_KEYS: Readonly<Record<string, readonly string[]>> = {
  containers: ['name'],
  initContainers: ['name'],
  volumes: ['name'],
  env: ['name'],
  webhooks: ['name'],
  volumeMounts: ['mountPath'],
  ownerReferences: ['uid'],
  ports: ['containerPort', 'port', 'protocol'],
};
/** Objects that have one owner as a whole. */
const ATOMIC = new Set(['selector', 'nodeSelector', 'securityContext.seLinuxOptions']);

type Item = Readonly<Record<string, unknown>>;

/** The path element of each item; undefined if the list is not merged by a key. */
function itemKeys(field: string, list: readonly unknown[]): string[] | undefined {
  if (field === 'finalizers') return list.map((item) => `v:${JSON.stringify(item)}`);
  const names = LIST_KEYS[field];
  if (!names || !list.every(isFields)) return undefined;
  return (list as readonly Item[]).map((item) => {
    const present = names.filter((name) => item[name] !== undefined);
    return `k:${JSON.stringify(Object.fromEntries(present.map((name) => [name, item[name]])))}`;
  });
}

/** The children of a value by path element; undefined for a leaf. */
export function childrenOf(field: string, value: unknown): Map<string, unknown> | undefined {
  if (Array.isArray(value)) {
    const keys = itemKeys(field, value);
    return keys && value.length > 0 ? new Map(keys.map((key, index) => [key, value[index]])) : undefined;
  }
  if (!isFields(value) || ATOMIC.has(field)) return undefined;
  const entries = Object.entries(value);
  return entries.length === 0 ? undefined : new Map(entries.map(([key, child]) => [`f:${key}`, child]));
}

/** The field name of a path element; empty for an item of a list. */
export const fieldOf = (element: string): string => (element.startsWith('f:') ? element.slice(2) : '');
const joined = (prefix: string, element: string): string =>
  prefix === '' ? element : prefix + SEPARATOR + element;

/** Calls `visit` for each leaf in which the two values differ; a missing value is `undefined`. */
function compare(
  field: string,
  path: string,
  [a, b]: readonly [unknown, unknown],
  visit: (path: string, before: unknown, after: unknown) => void,
): void {
  if (a === b) return;
  const [left, right] = [childrenOf(field, a), childrenOf(field, b)];
  if (!left && !right) {
    if (!isSame(a, b)) visit(path, a, b);
    return;
  }
  if (a !== undefined && !left) visit(path, a, undefined);
  if (b !== undefined && !right) visit(path, undefined, b);
  for (const element of new Set([...(left?.keys() ?? []), ...(right?.keys() ?? [])])) {
    const pair = [left?.get(element), right?.get(element)] as const;
    compare(fieldOf(element), joined(path, element), pair, visit);
  }
}

/** The part of an object whose fields can be owned. */
function ownable(object: KubeObject | undefined): Readonly<Record<string, unknown>> | undefined {
  if (!object) return undefined;
  const { apiVersion: _v, kind: _k, status: _s, metadata, ...rest } = object;
  const entries = Object.entries(metadata).filter(([key]) => !SERVERS_OWN.has(key));
  return entries.length === 0 ? rest : { ...rest, metadata: Object.fromEntries(entries) };
}

function leavesOf(object: KubeObject): Set<string> {
  const leaves = new Set<string>();
  compare('', '', [undefined, ownable(object)], (path) => leaves.add(path));
  leaves.delete('');
  return leaves;
}

interface Difference {
  /** Leaves that are gone. */
  readonly removed: ReadonlySet<string>;
  /** Leaves that are new or have another value. */
  readonly written: ReadonlySet<string>;
}

function differenceOf(before: KubeObject | undefined, after: KubeObject): Difference {
  const [removed, written] = [new Set<string>(), new Set<string>()];
  compare('', '', [ownable(before), ownable(after)], (path, _former, next) =>
    (next === undefined ? removed : written).add(path),
  );
  return { removed, written };
}

/** The owners after a plain write. The writer owns the fields that it has changed. */
export function afterWrite(
  owners: Owners,
  [before, after]: readonly [KubeObject | undefined, KubeObject],
  manager: string,
): Owners {
  const { removed, written } = differenceOf(before, after);
  if (removed.size === 0 && written.size === 0) return owners;
  const own = `Update ${manager}`;
  const next = new Map<string, ReadonlySet<string>>();
  for (const [owner, paths] of owners) {
    const kept = new Set([...paths].filter((path) => !removed.has(path) && !written.has(path)));
    if (kept.size > 0) next.set(owner, kept);
  }
  if (written.size > 0) next.set(own, new Set([...(next.get(own) ?? []), ...written]));
  return next;
}

/** Merges the applied value into the present one, and removes the fields for which `isGone` is true. */
function merged(
  field: string,
  path: string,
  [live, wanted]: readonly [unknown, unknown],
  isGone: (path: string) => boolean,
): unknown {
  const children = childrenOf(field, live);
  const news = childrenOf(field, wanted);
  if (!children || (wanted !== undefined && !news && !(isFields(wanted) && isFields(live)))) {
    return wanted === undefined || isSame(live, wanted) ? live : wanted;
  }
  const result: Array<[string, unknown]> = [];
  let isShared = true;
  for (const element of new Set([...children.keys(), ...(news?.keys() ?? [])])) {
    const at = joined(path, element);
    const before = children.get(element);
    const isKept = news?.has(element) || !isGone(at);
    const value = isKept ? merged(fieldOf(element), at, [before, news?.get(element)], isGone) : undefined;
    if (value !== before) isShared = false;
    if (value !== undefined) result.push([element, value]);
  }
  if (isShared) return live;
  if (Array.isArray(live)) return result.map(([, value]) => value);
  return Object.fromEntries(result.map(([element, value]) => [element.slice(2), value]));
}

/**
 * The object and its owners after an apply, or the conflicting fields: those that others own with another value, unless
 * `force` is set. Fields that the manager applied before and omits now are removed, unless another owns them.
 */
export function afterApply(
  owners: Owners,
  [live, body]: readonly [KubeObject | undefined, KubeObject],
  { manager, force = false }: { manager: string; force?: boolean },
): { readonly conflicts: string[] } | { readonly object: KubeObject; readonly owners: Owners } {
  const own = `Apply ${manager}`;
  const wanted = leavesOf(body);
  const others = [...owners].filter(([owner]) => owner !== own);
  const isOthers = (path: string) => others.some(([, paths]) => paths.has(path));
  const dropped = [...(owners.get(own) ?? [])].filter((path) => !wanted.has(path) && !isOthers(path));
  const gone = goneWith(dropped, [...wanted, ...others.flatMap(([, paths]) => [...paths])]);
  const whole = merged('', '', [ownable(live), ownable(body)], (path) => gone.has(path));
  const fields = (whole ?? {}) as Readonly<Record<string, unknown>>;
  const metadata = { ...serversOwn(live ?? body), ...(fields.metadata as object) };
  const status = live?.status;
  const object = { ...fields, ...(status === undefined ? {} : { status }), metadata } as KubeObject;
  const { written } = differenceOf(live, object);
  const conflicts = [...written].filter(isOthers);
  if (conflicts.length > 0 && !force) return { conflicts };
  const next = new Map<string, ReadonlySet<string>>();
  for (const [owner, paths] of others) {
    const kept = conflicts.length === 0 ? paths : new Set([...paths].filter((path) => !written.has(path)));
    if (kept.size > 0) next.set(owner, kept);
  }
  if (wanted.size > 0) next.set(own, wanted);
  return { object, owners: isSameOwners(owners, next) ? owners : next };
}

const isSameOwners = (a: Owners, b: Owners): boolean =>
  a.size === b.size && [...a].every(([owner, paths]) => isSameSet(paths, b.get(owner)));

const isSameSet = (a: ReadonlySet<string>, b: ReadonlySet<string> | undefined): boolean =>
  a.size === b?.size && [...a].every((path) => b.has(path));

/** The dropped leaves, and the parents that contain no kept leaf. */
function goneWith(dropped: readonly string[], kept: readonly string[]): ReadonlySet<string> {
  const gone = new Set(dropped);
  if (gone.size === 0) return gone;
  const needed = new Set<string>();
  for (const path of kept) for (const above of abovesOf(path)) needed.add(above);
  for (const path of dropped) for (const above of abovesOf(path)) if (!needed.has(above)) gone.add(above);
  return gone;
}

function abovesOf(path: string): string[] {
  const parts = path.split(SEPARATOR);
  return parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join(SEPARATOR));
}

const serversOwn = ({ metadata }: KubeObject): object =>
  Object.fromEntries(Object.entries(metadata).filter(([key]) => SERVERS_OWN.has(key)));

type ManagedFields = NonNullable<KubeObject['metadata']['managedFields']>;
const managedFields = new WeakMap<Owners, ManagedFields>();

type Tree = { [element: string]: Tree };

/** `metadata.managedFields`, without the times. */
export function managedFieldsOf(owners: Owners): ManagedFields {
  const known = managedFields.get(owners) ?? frozen(entriesOf(owners));
  managedFields.set(owners, known);
  return known;
}

function entriesOf(owners: Owners): ManagedFields {
  return [...owners].map(([owner, paths]) => {
    const [operation = '', ...manager] = owner.split(' ');
    const fieldsV1: Tree = {};
    for (const path of paths) {
      let tree = fieldsV1;
      for (const element of path.split(SEPARATOR)) tree = tree[element] ??= {};
    }
    return { manager: manager.join(' '), operation, fieldsV1 };
  });
}
