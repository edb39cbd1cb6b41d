/** Works out the data of the ConfigMap of one namespace, and the write that brings the ConfigMap to that data. Pure. */
import type { Moment } from '../../../peers/discovery/discover.ts';
import { FIELD_MANAGER, nodeKeys, PEERS_CONFIGMAP } from '../../../peers/names.ts';
import { type Reason, reason } from '../../../peers/reasons/reasons.ts';
import { CONFIGMAP_BYTES_MAX, type ViewBook, type ViewEntry } from '../../../peers/views/view-book.ts';
import { publishedView, renderView, viewRecord } from '../../../peers/views/views.ts';
import type { ConfigMapFacts, Key } from '../../../peers/world.ts';
import { EVIDENCE_KEY, type EvidenceByPod, evidenceData } from '../signals/evidence.ts';
import { isSharedWithOthers, withoutForeignKeys } from './foreign-keys.ts';
import { keptLists } from './kept-lists.ts';
import { type Connections, overviewData, withoutTime } from './overview.ts';

export interface PublishInput extends Moment {
  readonly views: ViewBook;
  readonly ownNamespace: string;
  readonly connections?: Connections;
  readonly answers?: EvidenceByPod;
  /** The DNS domain of the cluster, if CLUSTER_DOMAIN is known to be wrong. */
  readonly rightDomain?: string | undefined;
}

/** The defaults for a caller that asked no validator about its connections. */
const NOTHING_ASKED = { connections: new Map() as Connections, answers: new Map() as EvidenceByPod };

/** One ConfigMap to write, with all our data; empty if nothing is left to publish. */
export interface ConfigMapWrite {
  readonly namespace: string;
  /** The resourceVersion that the plan is based on; undefined if there is no ConfigMap. */
  readonly version: string | undefined;
  readonly data: Readonly<Record<string, string>>;
  /** True if the whole object may be deleted, because no other manager owns anything in it. */
  readonly remove: boolean;
}

/** The input for the ConfigMap of one namespace. */
export interface Content {
  readonly entries: readonly ViewEntry[];
  /** Validators whose list of peers could not be worked out, and the error. */
  readonly unknown: ReadonlyMap<Key, string>;
  readonly current: ConfigMapFacts | undefined;
}

/** The write for one namespace, if any, and the reasons to show. */
export interface NamespacePlan {
  readonly write: ConfigMapWrite | undefined;
  readonly reports: ReadonlyMap<Key, Reason>;
}

/** Compares the ConfigMap of a namespace with the data that it should have. */
export function planNamespace(namespace: string, content: Content, input: PublishInput): NamespacePlan {
  const { entries, current } = content;
  const kept = keptLists({ namespace, ...content }, input);
  const reports = new Map(kept.reports);
  reportForeignKeys(current, entries, reports);
  const overview = namespace === input.ownNamespace ? ownNamespaceData(entries, input) : {};
  reportKeyConflict(current?.key, current, Object.keys(overview), reports);
  const data = Object.assign(dataOf(content, input.nowMs), kept.data, overview);
  return { write: writeFor(namespace, data, current), reports };
}

/** Filled by assigning: spreading objects of hundreds of keys takes ten times as long. */
function dataOf({ entries, current }: Content, nowMs: number): Record<string, string> {
  const data: Record<string, string> = {};
  for (const entry of entries) {
    const publishedAtMs = formerDateOf(entry, current) ?? nowMs;
    Object.assign(data, renderView(entry.validator.name, entry.peerList, publishedAtMs));
  }
  return data;
}

/** When the view was published; undefined for a changed one. Restoring an edited file is no new publication. */
function formerDateOf(
  { validator: { name }, peerList }: ViewEntry,
  current: ConfigMapFacts | undefined,
): number | undefined {
  const { publishedAtMs } = publishedView(current, name) ?? {};
  if (publishedAtMs === undefined) return undefined;
  const isSame = viewRecord(peerList, publishedAtMs) === current?.data[nodeKeys(name).view];
  return isSame ? publishedAtMs : undefined;
}

/** The keys of our own namespace: the evidence of links, and the overview in the room that all other keys leave. */
function ownNamespaceData(entries: readonly ViewEntry[], input: PublishInput): Record<string, string> {
  const asked = { ...NOTHING_ASKED, ...input };
  const evidence = evidenceData(asked);
  const taken = entries.reduce((sum, { bytes }) => sum + bytes, evidence[EVIDENCE_KEY]?.length ?? 0);
  return { ...overviewData({ ...asked, bytesMax: CONFIGMAP_BYTES_MAX - taken }, input.nowMs), ...evidence };
}

function reportForeignKeys(
  current: ConfigMapFacts | undefined,
  entries: readonly ViewEntry[],
  reports: Map<Key, Reason>,
): void {
  if (!current || current.foreignKeys.length === 0) return;
  for (const { validator } of entries) {
    reportKeyConflict(validator.key, current, Object.values(nodeKeys(validator.name)), reports);
  }
}

function reportKeyConflict(
  key: Key | undefined,
  current: ConfigMapFacts | undefined,
  ours: readonly string[],
  reports: Map<Key, Reason>,
): void {
  const taken = current?.foreignKeys.filter((foreign) => ours.includes(foreign)) ?? [];
  if (key !== undefined && taken.length > 0) reports.set(key, reason('KeyConflict', taken.join(', ')));
}

function writeFor(
  namespace: string,
  wanted: Readonly<Record<string, string>>,
  current: ConfigMapFacts | undefined,
): ConfigMapWrite | undefined {
  const isEmpty = Object.keys(wanted).length === 0;
  const data = withoutForeignKeys(wanted, current);
  if (current ? !differs(current, data) : isEmpty) return undefined;
  const remove = current !== undefined && isEmpty && !isSharedWithOthers(current);
  return { namespace, version: current?.version, remove, data };
}

/** True if one of our keys is missing, wrong or left over. */
const differs = (current: ConfigMapFacts, data: ConfigMapWrite['data']): boolean =>
  Object.keys(data).some((key) => !sameText(current.data[key], data[key])) ||
  current.ownKeys.some((key) => !Object.hasOwn(data, key));

const sameText = (a: string | undefined, b: string | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && withoutTime(a) === withoutTime(b));

/** The labels of a ConfigMap of ours. */
export const LABELS = { 'app.kubernetes.io/managed-by': FIELD_MANAGER };

/** The ConfigMap to apply. Without keys of ours the object belongs to another, so our label is removed too. */
export function bodyOf({ namespace, data, version = '' }: ConfigMapWrite) {
  const labelled = Object.keys(data).length > 0 ? { labels: LABELS } : {};
  return { metadata: { name: PEERS_CONFIGMAP, namespace, resourceVersion: version, ...labelled }, data };
}
