/**
 * The narrow port through which everything reaches the API server, and the error it fails with.
 * Owns types only; client.ts implements it for real, tests may implement it in memory.
 */
import type { ObjectRef, Resource } from './resources.ts';

interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: Array<{
    apiVersion: string;
    kind: string;
    name: string;
    uid: string;
    controller?: boolean;
  }>;
  managedFields?: Array<{ manager?: string; operation?: string; fieldsV1?: unknown }>;
}

/** Any Kubernetes object; what is beyond metadata is read by the projections that need it. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

export interface ListQuery {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** True where managedFields are not read: then they may be missing. */
  readonly unmanaged?: boolean | undefined;
}

/** What a watch streams, since when, and who is told when the server has granted it. */
export interface WatchQuery extends ListQuery {
  readonly resourceVersion: string;
  readonly onOpened?: () => void;
  /** How long the server may take to grant it, in ms, where that is longer than the request timeout. */
  readonly patienceMs?: number;
}

export interface ObjectList<T = KubeObject> {
  readonly items: T[];
  readonly resourceVersion: string;
}

export interface WatchEvent {
  readonly type: string;
  readonly object: KubeObject;
}

/** RFC 6902 operation. */
export interface PatchOperation {
  readonly op: 'add' | 'replace' | 'remove' | 'test';
  readonly path: string;
  readonly value?: unknown;
}

interface ApplyOptions {
  readonly manager: string;
  readonly force?: boolean;
  /**
   * True for what is large and made by us key by key: the server neither parses it a second time to look for fields that
   * it does not know, nor sends it back. The answer may have metadata only.
   */
  readonly large?: boolean;
}

/** Every method rejects with KubeError, within the client's request timeout. */
export interface Kube {
  /** The object, or undefined where there is none (404). */
  get(ref: ObjectRef): Promise<KubeObject | undefined>;
  /**
   * All objects, page by page: of each there is only what `read` makes of it as soon as its page has come (by default
   * the object), since thousands of whole ones are hundreds of megabytes. All of them or none: it rejects if one page
   * fails.
   */
  list<T = KubeObject>(
    resource: Resource,
    query?: ListQuery,
    read?: (object: KubeObject) => T,
  ): Promise<ObjectList<T>>;
  /** POST; 409 (AlreadyExists) if it is there. */
  create(resource: Resource, body: KubeObject): Promise<KubeObject>;
  /** Server-side apply. It creates what is missing, and is no lock: two applies by one manager both succeed. */
  apply(ref: ObjectRef, body: KubeObject, options: ApplyOptions): Promise<KubeObject>;
  /** PUT; with `metadata.resourceVersion` in the body it fails with 409 if another writer came in between. */
  replace(ref: ObjectRef, body: KubeObject): Promise<KubeObject>;
  /** JSON Patch; a failed `test` is a 422. */
  patch(ref: ObjectRef, operations: readonly PatchOperation[]): Promise<KubeObject>;
  /** DELETE with preconditions; 409 if they do not hold, resolves if the object is gone already. */
  delete(ref: ObjectRef, preconditions: { uid?: string; resourceVersion?: string }): Promise<void>;
  /**
   * Streams changes since `resourceVersion` to `onEvent` until the server ends the stream or `signal`
   * aborts (resolves), or it fails (rejects; 410 where the version is too old). One that the server neither grants nor
   * refuses in time fails too. An `onEvent` that returns false has learnt nothing: what comes next may then come together
   * and some milliseconds late.
   */
  watch(
    resource: Resource,
    query: WatchQuery,
    onEvent: (event: WatchEvent) => unknown,
    signal: AbortSignal,
  ): Promise<void>;
}

/** A configuration that names no cluster, or cannot be read: which, and why. */
export class KubeConfigError extends Error {
  override readonly name = 'KubeConfigError';
}

/** A request that failed: by the API server's answer (`status` > 0), or on the way (`status` 0). */
export class KubeError extends Error {
  readonly status: number;
  /** The API server's machine-readable reason, e.g. `Conflict`, `AlreadyExists`, `Forbidden`. */
  readonly reason: string;
  /** The `reason` of each cause in the details of the Status, e.g. `NamespaceTerminating`. */
  readonly causes: readonly string[];
  /** Seconds the server asks to wait (Retry-After), where it does. */
  readonly retryAfterSeconds: number | undefined;
  /** Of a page that was asked for too late (410): what asks for the rest of the list, as it is by then. */
  readonly continueToken: string | undefined;

  constructor(
    message: string,
    details: {
      status: number;
      reason?: string;
      causes?: readonly string[];
      retryAfterSeconds?: number | undefined;
      continueToken?: string | undefined;
      cause?: unknown;
    },
  ) {
    super(message, details.cause === undefined ? {} : { cause: details.cause });
    this.name = 'KubeError';
    this.status = details.status;
    this.reason = details.reason ?? '';
    this.causes = details.causes ?? [];
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.continueToken = details.continueToken;
  }
}

/** True for a KubeError with that HTTP status. */
export const hasStatus = (error: unknown, status: number): error is KubeError =>
  error instanceof KubeError && error.status === status;

/** True where another writer came first (409). */
export const isConflict = (error: unknown): boolean => hasStatus(error, 409);

/** True for trouble that may be over at the next try: no answer, a server that is busy or in trouble. */
export const isPassing = (error: unknown): boolean =>
  error instanceof KubeError && (error.status === 0 || error.status === 429 || error.status >= 500);

/**
 * True where RBAC refuses, and no admission policy: a server that has just started does so for a moment, since it has
 * not read its roles yet.
 */
const isLackOfRights = (error: unknown): boolean =>
  hasStatus(error, 403) && /cannot \w+ resource/.test(error.message);

/**
 * True where the API server, or an admission webhook or policy, says no to what was asked: in seconds it will say so again.
 * A webhook that gives no code is answered with 400, and it may give any other.
 */
export const isRefusal = (error: unknown): error is KubeError =>
  !isLackOfRights(error) &&
  (hasStatus(error, 403) ||
    hasStatus(error, 422) ||
    (error instanceof KubeError && /admission webhook .* denied the request/.test(error.message)));

/** True where nothing was written: the API server refused the request, or it was not sent. */
export const isNotDone = (error: unknown): boolean =>
  error instanceof KubeError &&
  ((error.status >= 400 && error.status < 500) || error.reason === 'NotLeading' || isRefusal(error));

/** The longest that an answer may put us off: nothing may do so for good. */
const REQUESTED_MS_MAX = 30_000;

/** How long the API server asks to wait before the next try, in ms. */
export const requestedWaitMs = (error: unknown): number =>
  error instanceof KubeError ? Math.min((error.retryAfterSeconds ?? 0) * 1000, REQUESTED_MS_MAX) : 0;

/** What is told of a refusal: names of request and policy come first, the policy's own words after them. */
export const wordsOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).slice(0, 500);
