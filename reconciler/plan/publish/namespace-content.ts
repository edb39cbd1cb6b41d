/**
 * What should stand in the ConfigMap of one namespace, and the write that gets it there. Pure.
 */
import type { Discovery } from '../../../peers/discovery/discover.ts';
import { nodeKeys } from '../../../peers/names.ts';
import { type Reason, reason } from '../../../peers/reasons/reasons.ts';
import { CONFIGMAP_BYTES_MAX, type ViewBook, type ViewEntry } from '../../../peers/views/view-book.ts';
import { publishedView, viewFiles, viewRecord } from '../../../peers/views/views.ts';
import type { ConfigMapFacts, Key, World } from '../../../peers/world.ts';
import { EVIDENCE_KEY, type EvidenceByPod, evidenceData } from '../signals/evidence.ts';
import { isSharedWithOthers, withoutForeignKeys } from './foreign-keys.ts';
import { keptLists } from './kept-lists.ts';
import { type Connections, overviewData, withoutTime } from './overview.ts';

export interface PublishInput {
  readonly world: World;
  readonly discovery: Discovery;
  /** The views of that discovery. */
  readonly views: ViewBook;
  readonly ownNamespace: string;
  readonly connections?: Connections;
  readonly answers?: EvidenceByPod;
  readonly rightDomain?: string | undefined;
  /** Wall-clock ms since the epoch. */
  readonly nowMs: number;
}

/** What is told of connections where no validator was asked. */
const UNASKED = { connections: new Map() as Connections, answers: new Map() as EvidenceByPod };

/** One ConfigMap to write: all data of ours, or none where nothing is left. */
export interface ConfigMapWrite {
  readonly namespace: string;
  /** The resourceVersion that this was planned on, undefined where there is no ConfigMap. */
  readonly version: string | undefined;
  readonly data: Readonly<Record<string, string>>;
  /** True where no other manager owns anything in the object, so that it can go as a whole. */
  readonly remove: boolean;
}

/** What one namespace's ConfigMap is made of. */
export interface Content {
  readonly entries: readonly ViewEntry[];
  /** Validators whose entry could not be worked out, and what went wrong. */
  readonly unknown: ReadonlyMap<Key, string>;
  readonly current: ConfigMapFacts | undefined;
}

/** What is found of one namespace. */
export interface NamespacePlan {
  readonly write: ConfigMapWrite | undefined;
  readonly reports: ReadonlyMap<Key, Reason>;
}

/** What one namespace's ConfigMap should be, against what it is. */
export function planNamespace(namespace: string, content: Content, input: PublishInput): NamespacePlan {
  const { entries, current } = content;
  const kept = keptLists({ namespace, ...content }, input);
  const reports = new Map(kept.reports);
  reportForeignKeys(current, entries, reports);
  const overview = namespace === input.ownNamespace ? overviewOf(entries, input) : {};
  reportTaken(current?.key, current, Object.keys(overview), reports);
  const data = Object.assign(dataOf(content, input.nowMs), kept.data, overview);
  return { write: writeFor(namespace, data, current), reports };
}

/** Filled key by key: to copy an object of hundreds of keys as a whole takes ten times as long. */
function dataOf({ entries, current }: Content, nowMs: number): Record<string, string> {
  const data: Record<string, string> = {};
  for (const entry of entries) {
    const keys = nodeKeys(entry.validator.name);
    const { txt, toml } = viewFiles(entry.peerList);
    data[keys.txt] = txt;
    data[keys.toml] = toml;
    data[keys.view] = recordOf(entry, current, nowMs);
  }
  return data;
}

/** The view with its time of publication, which stays while the content stays. */
function recordOf(
  { validator, peerList }: ViewEntry,
  current: ConfigMapFacts | undefined,
  nowMs: number,
): string {
  const published = publishedView(current, validator.name);
  const kept = published && viewRecord(peerList, published.publishedAtMs);
  // Only a changed view is a new publication; a file that was edited by others is merely put right.
  return kept !== undefined && kept === current?.data[nodeKeys(validator.name).view]
    ? kept
    : viewRecord(peerList, nowMs);
}

/** In what room the views of our own namespace, and what is kept of links, leave. */
function overviewOf(entries: readonly ViewEntry[], input: PublishInput): Record<string, string> {
  const asked = { ...UNASKED, ...input };
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

/** True where the ConfigMap is not what is wanted, leaving aside what others apply. */
const differs = (current: ConfigMapFacts, data: ConfigMapWrite['data']): boolean =>
  Object.keys(data).some((key) => !sameText(current.data[key], data[key])) ||
  current.ownKeys.some((key) => !Object.hasOwn(data, key));

const sameText = (a: string | undefined, b: string | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && withoutTime(a) === withoutTime(b));
