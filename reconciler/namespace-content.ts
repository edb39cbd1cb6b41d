/**
 * What should stand in the ConfigMap of one namespace, and the write that gets it there. Pure.
 */
import type { Discovery } from '../peers/discover.ts';
import { madeOnce } from '../peers/memo.ts';
import { nodeKeys } from '../peers/names.ts';
import { type Reason, reason } from '../peers/reasons.ts';
import { CONFIGMAP_BYTES_MAX, type Entry, type ViewBook } from '../peers/view-book.ts';
import { type Listing, publishedView, type ViewFiles, viewFiles, viewRecord } from '../peers/views.ts';
import type { ConfigMapFacts, Key, Validator, World } from '../peers/world.ts';
import { type Connections, overviewData, withoutTime } from './overview.ts';

export interface PublishInput {
  readonly world: World;
  readonly discovery: Discovery;
  /** The views of that discovery. */
  readonly views: ViewBook;
  readonly ownNamespace: string;
  readonly connections?: Connections;
  /** Wall-clock ms since the epoch. */
  readonly nowMs: number;
}

/** What the overview says of connections where nobody has asked. */
const UNKNOWN: Connections = new Map();

/** One ConfigMap to write: all data of ours, or none where nothing is left. */
export interface ConfigMapWrite {
  readonly namespace: string;
  /** The resourceVersion that this was planned on, undefined where there is no ConfigMap. */
  readonly version: string | undefined;
  /** Put together when it is first asked for: it has hundreds of keys, and not every plan is carried out. */
  readonly data: Readonly<Record<string, string>>;
  /** True where nobody else owns anything in the object, so that it can go as a whole. */
  readonly remove: boolean;
}

/** What one namespace's ConfigMap is made of. */
export interface Content {
  readonly entries: readonly Entry[];
  readonly current: ConfigMapFacts | undefined;
}

/** A view as it was rendered: what stays is not rendered again. */
interface Rendered {
  readonly publishedAtMs: number;
  readonly keys: ViewKeys;
  /** The view for ourselves. */
  readonly view: string;
  /** Made when they are first compared or sent: most of the bytes, of which nothing is decided. */
  readonly files: () => ViewFiles;
}

/** What is found of one namespace. */
export interface Found {
  /** Of each entry, in the same order. */
  readonly texts: readonly Rendered[];
  readonly write: ConfigMapWrite | undefined;
  readonly reports: ReadonlyMap<Key, Reason>;
}

interface ContentInput extends PublishInput {
  /** What was found before, of what and with nothing to write; undefined where that is not known. */
  readonly before: (Found & { readonly content: Content }) | undefined;
}

/** What one namespace's ConfigMap should be, against what it is. */
export function planNamespace(namespace: string, content: Content, input: ContentInput): Found {
  const { entries, current } = content;
  const { before, ownNamespace, nowMs } = input;
  const reports = new Map<Key, Reason>();
  const { texts, anew } = textsOf(content, before, nowMs);
  reportForeignKeys(current, entries, reports);
  const overview = namespace === ownNamespace ? overviewOf(entries, input) : {};
  reportTaken(current?.key, current, Object.keys(overview), reports);
  return { texts, write: writeFor(namespace, { texts, anew, overview }, current), reports };
}

/** Filled key by key: to copy an object of hundreds of keys as a whole takes ten times as long. */
function dataOf({ texts, overview }: Wanted): Readonly<Record<string, string>> {
  const data: Record<string, string> = {};
  for (const { keys, view, files } of texts) {
    const { txt, toml } = files();
    data[keys.txt] = txt;
    data[keys.toml] = toml;
    data[keys.view] = view;
  }
  return Object.assign(data, overview);
}

type ViewKeys = ReturnType<typeof nodeKeys>;

/** Made once: to look up a key that was just put together takes several times as long as to look it up again. */
const viewKeys = new WeakMap<Validator, ViewKeys>();

/** The keys of a validator in its namespace's ConfigMap. */
export function viewKeysOf(validator: Validator): ViewKeys {
  const known = viewKeys.get(validator);
  if (known) return known;
  const keys = nodeKeys(validator.name);
  viewKeys.set(validator, keys);
  return keys;
}

/** The views of a namespace. Where nothing was to be written before, only those that are others are rendered: `anew`. */
function textsOf(
  { entries, current }: Content,
  before: ContentInput['before'],
  nowMs: number,
): Pick<Wanted, 'texts' | 'anew'> {
  const known = before?.content.current === current ? before : undefined;
  const texts: Rendered[] = [];
  const anew: Rendered[] = [];
  let next = 0;
  for (const entry of entries) {
    while (isBefore(known?.content.entries[next], entry)) next += 1;
    const kept = known?.content.entries[next] === entry ? known.texts[next] : undefined;
    const own = kept ?? stableRender(entry, current, nowMs);
    texts.push(own);
    if (known && !kept) anew.push(own);
  }
  return { texts, anew };
}

const isBefore = (one: Entry | undefined, other: Entry): boolean =>
  one !== undefined && one !== other && one.validator.key < other.validator.key;

/** The overview in what room the views of our own namespace leave. */
function overviewOf(entries: readonly Entry[], input: PublishInput): Record<string, string> {
  const taken = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  const { world, discovery, connections = UNKNOWN, nowMs } = input;
  return overviewData({ world, discovery, connections, bytesMax: CONFIGMAP_BYTES_MAX - taken }, nowMs);
}

const renderings = new WeakMap<Listing, Rendered>();

function rendered(validator: Validator, listing: Listing, publishedAtMs: number): Rendered {
  const known = renderings.get(listing);
  if (known?.publishedAtMs === publishedAtMs) return known;
  const files = known?.files ?? madeOnce(() => viewFiles(listing));
  const view = viewRecord(listing, publishedAtMs);
  const made = { publishedAtMs, keys: viewKeysOf(validator), view, files };
  renderings.set(listing, made);
  return made;
}

/** The view rendered with its time of publication, which stays while the content stays. */
function stableRender(
  { validator, listing }: Entry,
  current: ConfigMapFacts | undefined,
  nowMs: number,
): Rendered {
  const known = renderings.get(listing);
  const text = current?.data[(known?.keys ?? viewKeysOf(validator)).view];
  if (text !== undefined && known?.view === text) return known;
  const published = publishedView(current, validator.name);
  if (published) {
    const kept = rendered(validator, listing, published.publishedAtMs);
    // Only a changed view is a new publication; a file that somebody edited is merely put right.
    if (kept.view === text) return kept;
  }
  return rendered(validator, listing, nowMs);
}

function reportForeignKeys(
  current: ConfigMapFacts | undefined,
  entries: readonly Entry[],
  reports: Map<Key, Reason>,
): void {
  if (!current || current.foreignKeys.length === 0) return;
  for (const { validator } of entries) {
    reportTaken(validator.key, current, Object.values(viewKeysOf(validator)), reports);
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
): Readonly<Record<string, string>> {
  if (!current || current.foreignKeys.length === 0) return data;
  const foreign = new Set(current.foreignKeys);
  return Object.fromEntries(Object.entries(data).filter(([key]) => !foreign.has(key)));
}

/** What is wanted, and which views of it were rendered anew: a difference is most likely there. */
interface Wanted {
  readonly texts: readonly Rendered[];
  readonly anew: readonly Rendered[];
  /** In our own namespace only. */
  readonly overview: Readonly<Record<string, string>>;
}

function writeFor(
  namespace: string,
  wanted: Wanted,
  current: ConfigMapFacts | undefined,
): ConfigMapWrite | undefined {
  const data = madeOnce(() => withoutForeignKeys(dataOf(wanted), current));
  const isEmpty = wanted.texts.length === 0 && isNothing(wanted.overview);
  if (current ? !differs(current, wanted, data) : isEmpty) return undefined;
  const remove = current !== undefined && isEmpty && !isSharedWithOthers(current);
  return {
    namespace,
    version: current?.version,
    remove,
    get data() {
      return data();
    },
  };
}

const isNothing = (overview: Wanted['overview']): boolean => Object.keys(overview).length === 0;

/** True where the ConfigMap is not what is wanted, leaving aside what others apply. */
function differs(current: ConfigMapFacts, { anew }: Wanted, data: () => ConfigMapWrite['data']): boolean {
  const isOther = ({ keys, view }: Rendered) => current.data[keys.view] !== view;
  if (current.foreignKeys.length === 0 && anew.some(isOther)) return true;
  const all = data();
  return (
    Object.keys(all).some((key) => !sameText(current.data[key], all[key])) ||
    current.ownKeys.some((key) => !Object.hasOwn(all, key))
  );
}

/** True where somebody else has a key in the ConfigMap, in `data` or `binaryData`, or applies one of ours as well. */
export const isSharedWithOthers = ({ data, ownKeys, foreignKeys }: ConfigMapFacts): boolean =>
  foreignKeys.length > 0 || Object.keys(data).some((key) => !ownKeys.includes(key));

const sameText = (a: string | undefined, b: string | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && withoutTime(a) === withoutTime(b));
