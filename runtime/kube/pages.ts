/**
 * Lists page by page. Of each page there is, for a moment, the text and what it says, whole objects, twice: what others
 * write in them must not decide how much that is.
 */

import { type KubeAnswer, pageIn } from './answer.ts';
import { TooManyBytes } from './body.ts';
import { hasStatus, KubeError, type KubeObject, type ListQuery, type ObjectList } from './port.ts';
import { type Call, queryString } from './request.ts';
import { collectionPath, type Resource } from './resources.ts';

/** Until one page has told how large its objects are. */
const FIRST_LIMIT = 10;
const LIMIT_MAX = 200;
/** How large a page should be. */
const PAGE_LENGTH = 1024 * 1024;
/** A larger one is given up, and asked for again with fewer objects; one alone is read whatever its size. */
const PAGE_BYTES_MAX = 4 * PAGE_LENGTH;
/** The next page has at most so many times as many objects: large ones may follow many small ones. */
const GROWTH_MAX = 4;

interface Listing<T> {
  readonly resource: Resource;
  readonly query: ListQuery;
  readonly read: (object: KubeObject) => T;
}

type Ask = (call: Call) => Promise<KubeAnswer>;

/**
 * All objects of a kind, and of each what `read` makes of it. Rejects with KubeError if one page fails. Pages after one that
 * was asked for too late are of a later version; a watch begins at that of the first, so that it brings what came between.
 */
export async function listPages<T>(ask: Ask, { resource, query, read }: Listing<T>): Promise<ObjectList<T>> {
  const items: T[] = [];
  const base = collectionPath(resource, query.namespace);
  const unmanaged = query.unmanaged === true;
  let resourceVersion: string | undefined;
  let at: Place = { continueToken: '', limit: FIRST_LIMIT, isResumed: false };
  for (;;) {
    const { limit, continueToken: token } = at;
    const extra = { limit: String(limit), ...(token ? { continue: token } : {}) };
    const path = `${base}?${queryString(query, extra)}`;
    const answer = await pageOf(ask, { method: 'GET', path, unmanaged }, at);
    if ('limit' in answer) {
      at = answer;
      continue;
    }
    const page = pageIn(answer);
    for (const object of page.items) items.push(read(object));
    resourceVersion ??= page.resourceVersion;
    if (!page.continueToken) return { items, resourceVersion };
    const next = nextLimit(limit, answer.length / Math.max(1, page.items.length));
    at = { continueToken: page.continueToken, limit: next, isResumed: false };
  }
}

/** Where in a list to go on, and with how many objects. */
interface Place {
  readonly continueToken: string;
  readonly limit: number;
  /** True where the page was asked for once, too late. */
  readonly isResumed: boolean;
}

/** The answer, or from where to ask again: with fewer objects where the page is too large, or with the token of a refusal. */
async function pageOf(ask: Ask, call: Call, at: Place): Promise<KubeAnswer | Place> {
  try {
    return await ask(at.limit === 1 ? call : { ...call, bytesMax: PAGE_BYTES_MAX });
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    if (error.cause instanceof TooManyBytes && at.limit > 1)
      return { ...at, limit: Math.ceil(at.limit / GROWTH_MAX) };
    const { continueToken } = error;
    if (!hasStatus(error, 410) || !continueToken || at.isResumed) throw error;
    return { ...at, continueToken, isResumed: true };
  }
}

/** How many objects of that length make a page. */
const nextLimit = (limit: number, length: number): number =>
  Math.max(1, Math.min(Math.floor(PAGE_LENGTH / Math.max(1, length)), limit * GROWTH_MAX, LIMIT_MAX));
