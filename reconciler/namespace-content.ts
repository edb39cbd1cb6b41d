/**
 * What should stand in the ConfigMap of one namespace, and the write that gets it there. Pure.
 */
import type { Discovery } from '../peers/discover.ts';
import { nodeKeys } from '../peers/names.ts';
import { type Reason, reason } from '../peers/reasons.ts';
import { CONFIGMAP_BYTES_MAX, type ViewBook } from '../peers/view-book.ts';
import { type Listing, publishedView, type ViewTexts, viewTexts } from '../peers/views.ts';
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
  readonly data: Readonly<Record<string, string>>;
  /** True where nobody else owns anything in the object, so that it can go as a whole. */
  readonly remove: boolean;
}

/** What one namespace's ConfigMap is made of. */
export interface Content {
  readonly listings: ReadonlyMap<Validator, Listing>;
  readonly current: ConfigMapFacts | undefined;
}

/** A view as it was rendered: what stays is not rendered again. */
interface Rendered {
  readonly publishedAtMs: number;
  readonly keys: ViewKeys;
  readonly texts: ViewTexts;
}

type Texts = ReadonlyMap<Validator, Rendered>;

/** What is found of one namespace. */
export interface Found {
  readonly texts: Texts;
  readonly write: ConfigMapWrite | undefined;
  readonly reports: ReadonlyMap<Key, Reason>;
}

interface ContentInput extends PublishInput {
  /** What was found before, of what and with nothing to write; undefined where that is not known. */
  readonly before: (Found & { readonly content: Content }) | undefined;
}

/** What one namespace's ConfigMap should be, against what it is. */
export function planNamespace(namespace: string, content: Content, input: ContentInput): Found {
  const { listings, current } = content;
  const { before, ownNamespace, nowMs } = input;
  const reports = new Map<Key, Reason>();
  const { texts, anew } = textsOf(content, before, nowMs);
  // Filled key by key: to copy an object of hundreds of keys as a whole takes ten times as long.
  const data: Record<string, string> = {};
  for (const own of texts.values()) fill(data, own);
  reportForeignKeys(current, [...listings.keys()], reports);
  if (namespace === ownNamespace) {
    const overview = overviewOf(data, input);
    Object.assign(data, overview);
    reportTaken(current?.key, current, Object.keys(overview), reports);
  }
  return { texts, write: writeFor(namespace, { data, anew }, current, ownNamespace), reports };
}

function fill(data: Record<string, string>, { keys, texts }: Rendered): void {
  data[keys.txt] = texts.txt;
  data[keys.toml] = texts.toml;
  data[keys.view] = texts.view;
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
  { listings, current }: Content,
  before: ContentInput['before'],
  nowMs: number,
): { readonly texts: Texts; readonly anew: readonly Validator[] } {
  const known = before?.content.current === current ? before : undefined;
  const texts = new Map<Validator, Rendered>();
  const anew: Validator[] = [];
  for (const [validator, listing] of listings) {
    const isKept = known?.content.listings.get(validator) === listing;
    const kept = isKept ? known?.texts.get(validator) : undefined;
    const own = kept ?? stableRender(validator, listing, current, nowMs);
    texts.set(validator, own);
    if (known && !kept) anew.push(validator);
  }
  return { texts, anew };
}

/** The overview in what room the views of our own namespace leave. */
function overviewOf(views: Readonly<Record<string, string>>, input: PublishInput): Record<string, string> {
  const taken = Object.entries(views).reduce((sum, [key, text]) => sum + key.length + text.length, 0);
  const { world, discovery, connections = UNKNOWN, nowMs } = input;
  return overviewData({ world, discovery, connections, bytesMax: CONFIGMAP_BYTES_MAX - taken }, nowMs);
}

const renderings = new WeakMap<Listing, Rendered>();

function rendered(validator: Validator, listing: Listing, publishedAtMs: number): Rendered {
  const known = renderings.get(listing);
  if (known?.publishedAtMs === publishedAtMs) return known;
  const made = { publishedAtMs, keys: viewKeysOf(validator), texts: viewTexts(listing, publishedAtMs) };
  renderings.set(listing, made);
  return made;
}

/** The view rendered with its time of publication, which stays while the content stays. */
function stableRender(
  validator: Validator,
  listing: Listing,
  current: ConfigMapFacts | undefined,
  nowMs: number,
): Rendered {
  const known = renderings.get(listing);
  const text = current?.data[(known?.keys ?? viewKeysOf(validator)).view];
  if (text !== undefined && known?.texts.view === text) return known;
  const published = publishedView(current, validator.name);
  if (published) {
    const kept = rendered(validator, listing, published.publishedAtMs);
    // Only a changed view is a new publication; a file that somebody edited is merely put right.
    if (kept.texts.view === text) return kept;
  }
  return rendered(validator, listing, nowMs);
}

function reportForeignKeys(
  current: ConfigMapFacts | undefined,
  validators: readonly Validator[],
  reports: Map<Key, Reason>,
): void {
  if (!current || current.foreignKeys.length === 0) return;
  for (const validator of validators) {
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
  readonly data: Readonly<Record<string, string>>;
  readonly anew: readonly Validator[];
}

function writeFor(
  namespace: string,
  wanted: Wanted,
  current: ConfigMapFacts | undefined,
  ownNamespace: string,
): ConfigMapWrite | undefined {
  const data = withoutForeignKeys(wanted.data, current);
  const keys = Object.keys(data);
  if (!current) return keys.length > 0 ? { namespace, version: undefined, data, remove: false } : undefined;
  const isOther = (key: string) => Object.hasOwn(data, key) && !sameText(current.data[key], data[key]);
  const differs =
    wanted.anew.some((validator) => Object.values(viewKeysOf(validator)).some(isOther)) ||
    keys.some(isOther) ||
    current.ownKeys.some((key) => !Object.hasOwn(data, key));
  if (!differs) return undefined;
  const remove = keys.length === 0 && !isSharedWithOthers(current) && namespace !== ownNamespace;
  return { namespace, version: current.version, data, remove };
}

/** True where somebody else has a key in the ConfigMap, in `data` or `binaryData`, or applies one of ours as well. */
export const isSharedWithOthers = ({ data, ownKeys, foreignKeys }: ConfigMapFacts): boolean =>
  foreignKeys.length > 0 || Object.keys(data).some((key) => !ownKeys.includes(key));

const sameText = (a: string | undefined, b: string | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && withoutTime(a) === withoutTime(b));
