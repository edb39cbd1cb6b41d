/** Lists objects page by page. Pages are limited in bytes, because tenants decide how large an object is. */
import { type KubeAnswer, pageIn } from './answer.ts';
import { TooManyBytes } from './body.ts';
import { hasStatus, KubeError, type KubeObject, type ListQuery, type ObjectList } from './port.ts';
import { type Call, queryString } from './request.ts';
import { collectionPath, type Resource } from './resources.ts';

/** The number of objects in the first page, before their size is known. */
const FIRST_LIMIT = 10;
const LIMIT_MAX = 200;
const PAGE_LENGTH = 1024 * 1024;
/** A larger page is given up and requested again with fewer objects. A page with one object is read whatever its size. */
const PAGE_BYTES_MAX = 4 * PAGE_LENGTH;
/** The factor by which the number of objects grows at most from page to page: large objects may follow small ones. */
const GROWTH_MAX = 4;

interface Listing<T> {
  readonly resource: Resource;
  readonly query: ListQuery;
  readonly read: (object: KubeObject) => T;
}

type Ask = (call: Call) => Promise<KubeAnswer>;

/**
 * Lists all objects of a kind, each as the result of `read`. Rejects with KubeError if one page fails. If a page is
 * requested too late (410), the rest of the list is of a later version. A watch begins at the version of the first page,
 * so that no change is missed.
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

/** The next page to request: its position in the list, and its number of objects. */
interface Place {
  readonly continueToken: string;
  readonly limit: number;
  /** True if this page was already requested once, but too late. */
  readonly isResumed: boolean;
}

/** The answer, or the next request: with fewer objects if the page was too large, or with the token of a 410 answer. */
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

const nextLimit = (limit: number, length: number): number =>
  Math.max(1, Math.min(Math.floor(PAGE_LENGTH / Math.max(1, length)), limit * GROWTH_MAX, LIMIT_MAX));
