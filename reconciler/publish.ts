/**
 * What should stand in ConfigMaps and Services, and which writes get there. Pure.
 */
import type { Discovery } from '../peers/discover.ts';
import { nodeKeys } from '../peers/names.ts';
import { type Reason, reason } from '../peers/reasons.ts';
import { externalsOf, type Listing, publishedView, renderView, viewOf } from '../peers/views.ts';
import type { ConfigMapFacts, Key, Validator, World } from '../peers/world.ts';
import { type Connections, overviewData, withoutTime } from './overview.ts';

export interface PublishSettings {
  readonly ownNamespace: string;
  readonly maxPeers: number;
}

/** What the overview says of connections where nobody has asked. */
const UNKNOWN: Connections = new Map();

/** One ConfigMap to write: all data of ours, or none where nothing is left. */
export interface ConfigMapWrite {
  readonly namespace: string;
  /** The resourceVersion that this was planned on, undefined where there is no ConfigMap. */
  readonly version: string | undefined;
  readonly data: Readonly<Record<string, string>>;
  /** True where nobody else owns anything in the object, so that it can go as a whole. */
  readonly remove: boolean;
}

export interface PublishPlan {
  readonly configMaps: readonly ConfigMapWrite[];
  /** What could not be published, by StellarNode; the overview's under the key of our own ConfigMap. */
  readonly reports: ReadonlyMap<Key, Reason>;
}

/** The API server refuses objects over 1 MiB (etcd's request limit leaves some room above). */
const CONFIGMAP_BYTES_MAX = 1024 * 1024 - 16 * 1024;

const bytesOf = (data: Readonly<Record<string, string>>): number =>
  Object.entries(data).reduce((sum, [key, value]) => sum + key.length + Buffer.byteLength(value), 0);

/** Writes that bring all ConfigMaps to what they should be; empty where they are. */
export function planPublish(
  world: World,
  discovery: Discovery,
  settings: PublishSettings & { readonly connections?: Connections },
  nowMs: number,
): PublishPlan {
  const reports = new Map<Key, Reason>();
  const configMaps: ConfigMapWrite[] = [];
  const byNamespace = activeByNamespace(discovery);
  const namespaces = new Set([settings.ownNamespace, ...byNamespace.keys(), ...world.configMaps.keys()]);
  for (const namespace of [...namespaces].sort()) {
    if (world.namespaces.get(namespace)?.terminating) continue;
    const validators = byNamespace.get(namespace) ?? [];
    const data = validatorData(world, discovery, { validators, maxPeers: settings.maxPeers }, nowMs);
    const current = world.configMaps.get(namespace);
    reportForeignKeys(current, validators, reports);
    if (namespace === settings.ownNamespace) {
      const overview = overviewData(world, discovery, settings.connections ?? UNKNOWN, nowMs);
      Object.assign(data, overview);
      reportTaken(current?.key, current, Object.keys(overview), reports);
    }
    if (bytesOf(data) > CONFIGMAP_BYTES_MAX) {
      for (const validator of validators) reports.set(validator.key, reason('NamespaceTooLarge', namespace));
      continue;
    }
    const write = writeFor(namespace, data, current, settings);
    if (write) configMaps.push(write);
  }
  return { configMaps, reports };
}

function activeByNamespace(discovery: Discovery): Map<string, Validator[]> {
  const result = new Map<string, Validator[]>();
  for (const group of discovery.groups.values()) {
    for (const validator of group.validators) {
      if (discovery.skipped.has(validator.key)) continue;
      const list = result.get(validator.namespace) ?? [];
      result.set(validator.namespace, list);
      list.push(validator);
    }
  }
  return result;
}

function validatorData(
  world: World,
  discovery: Discovery,
  { validators, maxPeers }: { validators: readonly Validator[]; maxPeers: number },
  nowMs: number,
): Record<string, string> {
  const data: Record<string, string> = {};
  for (const validator of validators) {
    const group = discovery.groups.get(discovery.groupOf.get(validator.key) ?? '');
    if (!group) continue;
    const listing = {
      view: viewOf(validator.key, group, maxPeers),
      externals: externalsOf(validator.key, group, maxPeers),
    };
    Object.assign(data, stableRender(validator, listing, world.configMaps.get(validator.namespace), nowMs));
  }
  return data;
}

/** The view rendered with its time of publication, which stays while the content stays. */
function stableRender(
  validator: Validator,
  listing: Listing,
  current: ConfigMapFacts | undefined,
  nowMs: number,
): Record<string, string> {
  const published = publishedView(current, validator.name);
  if (published) {
    const kept = renderView(validator.name, listing, published.publishedAtMs);
    const key = nodeKeys(validator.name).view;
    // Only a changed view is a new publication; a file that somebody edited is merely put right.
    if (kept[key] === current?.data[key]) return kept;
  }
  return renderView(validator.name, listing, nowMs);
}

function reportForeignKeys(
  current: ConfigMapFacts | undefined,
  validators: readonly Validator[],
  reports: Map<Key, Reason>,
): void {
  for (const validator of validators) {
    reportTaken(validator.key, current, Object.values(nodeKeys(validator.name)), reports);
  }
}

/** Reports, under `key`, which of our data keys another controller applies. */
function reportTaken(
  key: Key | undefined,
  current: ConfigMapFacts | undefined,
  ours: readonly string[],
  reports: Map<Key, Reason>,
): void {
  const taken = current?.foreignKeys.filter((foreign) => ours.includes(foreign)) ?? [];
  if (key !== undefined && taken.length > 0) reports.set(key, reason('KeyConflict', taken.join(', ')));
}

/** Our data without the keys that another controller applies: those are reported, not fought over. */
export function withoutForeignKeys(
  data: Readonly<Record<string, string>>,
  current: ConfigMapFacts | undefined,
): Record<string, string> {
  const foreign = new Set(current?.foreignKeys);
  return Object.fromEntries(Object.entries(data).filter(([key]) => !foreign.has(key)));
}

function writeFor(
  namespace: string,
  wanted: Readonly<Record<string, string>>,
  current: ConfigMapFacts | undefined,
  settings: PublishSettings,
): ConfigMapWrite | undefined {
  const data = withoutForeignKeys(wanted, current);
  const keys = Object.keys(data);
  if (!current) return keys.length > 0 ? { namespace, version: undefined, data, remove: false } : undefined;
  const stale = current.ownKeys.filter((key) => !Object.hasOwn(data, key));
  const differs = keys.some((key) => !sameText(current.data[key], data[key]));
  if (!differs && stale.length === 0) return undefined;
  const remove = keys.length === 0 && !isSharedWithOthers(current) && namespace !== settings.ownNamespace;
  return { namespace, version: current.version, data, remove };
}

/** True where somebody else has a key in the ConfigMap, in `data` or `binaryData`, or applies one of ours as well. */
export const isSharedWithOthers = ({ data, ownKeys, foreignKeys }: ConfigMapFacts): boolean =>
  foreignKeys.length > 0 || Object.keys(data).some((key) => !ownKeys.includes(key));

const sameText = (a: string | undefined, b: string | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && withoutTime(a) === withoutTime(b));
