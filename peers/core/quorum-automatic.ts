/**
 * The automatic quorum set: stellar-core makes it of [[HOME_DOMAINS]] and [[VALIDATORS]], and adds itself.
 *
 *   a home domain of n validators       → n − (n−1)/2 of them must agree, for example 2 of 3
 *   the m entries of one quality        → all of them if the quality is CRITICAL, else m − (m−1)/3;
 *                                         the next lower quality counts as one more entry
 */
import { type Fields, fieldsOf } from '../field.ts';
import { LEAVES_MAX, PUBLIC_KEY } from './quorum-by-hand.ts';
import { QuorumProblem, shownValue } from './quorum-problem.ts';
import { type QuorumTree, toleranceOfTree } from './quorum-tree.ts';

const QUALITIES = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW'] as const;
type Quality = (typeof QUALITIES)[number];
/** CRITICAL and HIGH domains need that many. */
const REDUNDANCY = 3;

interface HomeDomain {
  readonly name: string;
  /** Path of the first table that names the domain. */
  readonly at: string;
  readonly quality: Quality;
  readonly size: number;
}

export interface AutomaticSet {
  readonly tree: QuorumTree;
  /** The node's own home domain, itself counted; undefined if the text does not name it. */
  readonly own: HomeDomain | undefined;
}

type Domains = ReadonlyMap<string, HomeDomain>;

/** Reads the quorum set from the whole text. Throws QuorumProblem. */
export function readAutomatic(text: Fields): AutomaticSet {
  const declared = readDomains(text.HOME_DOMAINS);
  const domains = readValidators(text.VALIDATORS, declared);
  if (text.NODE_IS_VALIDATOR === false) return { tree: treeOf(domains), own: undefined };
  const home = homeDomainIn(text);
  if (home !== undefined && !declared.has(home))
    throw new QuorumProblem(`no [[HOME_DOMAINS]] for ${shownValue(home)}`, 'NODE_HOME_DOMAIN');
  if (home !== undefined) return withSelf(home, domains);
  // The node's own home domain is not known, so the strictest possible set counts.
  const candidates = new Map(
    [...domains.values()].map((each) => [`${each.quality} ${each.size}`, each.name]),
  );
  return { tree: strictest([...candidates.values()], domains), own: undefined };
}

/** NODE_HOME_DOMAIN where the text says it. */
export function homeDomainIn({ NODE_HOME_DOMAIN: home }: Fields): string | undefined {
  if (home === undefined || home === '') return undefined;
  if (typeof home !== 'string') throw new QuorumProblem('NODE_HOME_DOMAIN is no text', 'NODE_HOME_DOMAIN');
  return home;
}

function strictest(homes: readonly string[], domains: Domains): QuorumTree {
  const problems: unknown[] = [];
  const trees = homes.flatMap((home) => {
    try {
      return [withSelf(home, domains).tree];
    } catch (error) {
      problems.push(error);
      return [];
    }
  });
  const [first] = trees.sort((a, b) => toleranceOfTree(a) - toleranceOfTree(b));
  if (!first)
    throw problems[0] ?? new QuorumProblem('no home domain that the node may be in', 'HOME_DOMAINS');
  return first;
}

function withSelf(home: string, domains: Domains): AutomaticSet {
  const domain = domains.get(home);
  if (!domain) throw new QuorumProblem(`no [[HOME_DOMAINS]] for ${shownValue(home)}`, 'NODE_HOME_DOMAIN');
  const own = { ...domain, size: domain.size + 1 };
  return { tree: treeOf(new Map([...domains, [home, own]])), own };
}

function entriesOf(value: unknown, table: string): ReadonlyArray<readonly [Fields, string]> {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new QuorumProblem(`${table} is no array of tables`, table);
  return value.map((entry, index) => [fieldsOf(entry), `${table}[${index}]`] as const);
}

function textIn(entry: Fields, field: string, at: string): string {
  const { [field]: value } = entry;
  if (typeof value === 'string' && value !== '') return value;
  throw new QuorumProblem(`${headerOf(at)} without ${field}`, value === undefined ? at : `${at}.${field}`);
}

const headerOf = (at: string): string => `[[${at.slice(0, at.indexOf('['))}]]`;

function qualityIn(entry: Fields, at: string): Quality {
  const text = textIn(entry, 'QUALITY', at);
  const quality = QUALITIES.find((each) => each === text);
  if (quality) return quality;
  throw new QuorumProblem(`QUALITY ${shownValue(text)} is not known`, `${at}.QUALITY`);
}

function onlyKnown(entry: Fields, known: readonly string[], at: string): void {
  const other = Object.keys(entry).find((field) => !known.includes(field));
  if (other !== undefined)
    throw new QuorumProblem(`${shownValue(other)} is not known in ${headerOf(at)}`, `${at}.${other}`);
}

function readDomains(value: unknown): Domains {
  const domains = new Map<string, HomeDomain>();
  for (const [entry, at] of entriesOf(value, 'HOME_DOMAINS')) {
    onlyKnown(entry, ['HOME_DOMAIN', 'QUALITY'], at);
    const name = textIn(entry, 'HOME_DOMAIN', at);
    if (domains.has(name))
      throw new QuorumProblem(`home domain ${shownValue(name)} is given twice`, `${at}.HOME_DOMAIN`);
    domains.set(name, { name, at, quality: qualityIn(entry, at), size: 0 });
  }
  return domains;
}

const OF_VALIDATORS = ['NAME', 'HOME_DOMAIN', 'QUALITY', 'PUBLIC_KEY', 'ADDRESS', 'HISTORY'];

function readValidators(value: unknown, declared: Domains): Domains {
  const entries = entriesOf(value, 'VALIDATORS');
  if (entries.length >= LEAVES_MAX)
    throw new QuorumProblem(`more than ${LEAVES_MAX} validators`, `VALIDATORS[${LEAVES_MAX - 1}]`);
  const domains = new Map(declared);
  const seen = new Set<string>();
  for (const [entry, at] of entries) {
    onlyKnown(entry, OF_VALIDATORS, at);
    for (const [field, name] of [
      ['NAME', `$${textIn(entry, 'NAME', at)}`],
      ['PUBLIC_KEY', publicKeyIn(entry, at)],
    ] as const) {
      if (seen.has(name)) throw new QuorumProblem(`${shownValue(name)} is named twice`, `${at}.${field}`);
      seen.add(name);
    }
    const name = textIn(entry, 'HOME_DOMAIN', at);
    const quality = qualityOf(entry, declared.get(name), at);
    needsArchive(entry, quality, at);
    const domain = domains.get(name) ?? { name, at, quality, size: 0 };
    if (domain.quality !== quality)
      throw new QuorumProblem(`${shownValue(name)} has two qualities`, `${at}.QUALITY`);
    domains.set(name, { ...domain, size: domain.size + 1 });
  }
  return domains;
}

/** stellar-core asks for an archive of each validator of these qualities. */
function needsArchive({ HISTORY: history }: Fields, quality: Quality, at: string): void {
  if (quality !== 'CRITICAL' && quality !== 'HIGH') return;
  if (typeof history !== 'string' || history === '')
    throw new QuorumProblem(`a validator of quality ${quality} without HISTORY`, at);
}

function publicKeyIn(entry: Fields, at: string): string {
  const key = textIn(entry, 'PUBLIC_KEY', at);
  if (PUBLIC_KEY.test(key)) return key;
  throw new QuorumProblem(`${shownValue(key)} is no public key`, `${at}.PUBLIC_KEY`);
}

function qualityOf(entry: Fields, domain: HomeDomain | undefined, at: string): Quality {
  if (!domain) return qualityIn(entry, at);
  if (entry.QUALITY === undefined) return domain.quality;
  throw new QuorumProblem(`the quality of ${shownValue(domain.name)} is given twice`, `${at}.QUALITY`);
}

const domainTree = ({ size }: HomeDomain): QuorumTree => ({
  threshold: domainThreshold(size),
  validators: size,
  inner: [],
});

/** How many of a home domain's n validators must agree. */
export const domainThreshold = (n: number): number => n - Math.floor((n - 1) / 2);

const qualityThreshold = (quality: Quality, m: number): number =>
  quality === 'CRITICAL' ? m : m - Math.floor((m - 1) / 3);

/** Built from the lowest quality up. That stellar-core merges sets with a single entry changes no threshold. */
function treeOf(domains: Domains): QuorumTree {
  const used = [...domains.values()].filter(({ size }) => size > 0);
  const [first] = used;
  if (!first) throw new QuorumProblem('no validator is listed', 'HOME_DOMAINS');
  for (const each of used) checkRedundancy(each);
  if (used.every(({ quality }) => quality === 'LOW'))
    throw new QuorumProblem('all validators are of quality LOW', `${first.at}.QUALITY`);
  let lower: QuorumTree = { threshold: 0, validators: 0, inner: [] };
  for (const quality of QUALITIES.toReversed()) {
    const inner = used.filter((each) => each.quality === quality).map(domainTree);
    if (inner.length === 0) continue;
    const all = lower.inner.length > 0 ? [...inner, lower] : inner;
    lower = { threshold: qualityThreshold(quality, all.length), validators: 0, inner: all };
  }
  return lower;
}

function checkRedundancy({ name, at, quality, size }: HomeDomain): void {
  if (size >= REDUNDANCY || (quality !== 'CRITICAL' && quality !== 'HIGH')) return;
  throw new QuorumProblem(
    `home domain ${shownValue(name)} of quality ${quality} has ${size} validators where ${REDUNDANCY} are needed`,
    at,
  );
}
