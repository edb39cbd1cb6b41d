/** The interface through which all code reaches the API server, and its errors. */
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

/** Any Kubernetes object. Fields other than metadata are read by the projections that need them. */
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
  /** True if the caller does not read managedFields. Then they may be missing. */
  readonly unmanaged?: boolean | undefined;
}

/** The objects of a watch, the version at which it begins, and a callback for when the server grants it. */
export interface WatchQuery extends ListQuery {
  readonly resourceVersion: string;
  readonly onOpened?: () => void;
  /** How long the server may take to grant the watch, in ms, if longer than the request timeout. */
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
   * True for a large object whose fields our own code has built. The server then does not check it for unknown fields,
   * which would take a second parse, and answers with metadata only.
   */
  readonly large?: boolean;
}

/** Every method rejects with KubeError, within the client's request timeout. */
export interface Kube {
  /** The object, or undefined if there is none (404). */
  get(ref: ObjectRef): Promise<KubeObject | undefined>;
  /**
   * All objects, page by page. Of each object only the result of `read` is kept (by default the object), because thousands
   * of whole objects are hundreds of megabytes. Rejects if one page fails.
   */
  list<T = KubeObject>(
    resource: Resource,
    query?: ListQuery,
    read?: (object: KubeObject) => T,
  ): Promise<ObjectList<T>>;
  /** POST; 409 (AlreadyExists) if the object exists. */
  create(resource: Resource, body: KubeObject): Promise<KubeObject>;
  /** Server-side apply. Creates a missing object. Not a lock: two applies by the same manager both succeed. */
  apply(ref: ObjectRef, body: KubeObject, options: ApplyOptions): Promise<KubeObject>;
  /** PUT; with `metadata.resourceVersion` in the body it fails with 409 if another writer came in between. */
  replace(ref: ObjectRef, body: KubeObject): Promise<KubeObject>;
  /** JSON Patch; a failed `test` is a 422. */
  patch(ref: ObjectRef, operations: readonly PatchOperation[]): Promise<KubeObject>;
  /** DELETE with preconditions; 409 if they do not hold, resolves if the object is gone already. */
  delete(ref: ObjectRef, preconditions: { uid?: string; resourceVersion?: string }): Promise<void>;
  /**
   * Streams changes since `resourceVersion` to `onEvent`. Resolves when the server ends the stream or `signal` aborts.
   * Rejects on a failure: 410 if the version is too old, or if the server does not grant the watch in time. If `onEvent`
   * returns false, the event was not news; later events may then be delayed by some milliseconds and come together.
   */
  watch(
    resource: Resource,
    query: WatchQuery,
    onEvent: (event: WatchEvent) => unknown,
    signal: AbortSignal,
  ): Promise<void>;
}

/** The kubeconfig names no cluster, or cannot be read. The message says which file and why. */
export class KubeConfigError extends Error {
  override readonly name = 'KubeConfigError';
}

/** A request that failed. `status` is that of the API server's answer, or 0 if there was no answer. */
export class KubeError extends Error {
  readonly status: number;
  /** The API server's machine-readable reason, e.g. `Conflict`, `AlreadyExists`, `Forbidden`. */
  readonly reason: string;
  /** The `reason` of each cause in the details of the Status, e.g. `NamespaceTerminating`. */
  readonly causes: readonly string[];
  readonly retryAfterSeconds: number | undefined;
  /** The token in the answer to a page that was requested too late (410): it continues the list at a newer version. */
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

/** True if another writer came first (409). */
export const isConflict = (error: unknown): boolean => hasStatus(error, 409);

/** True for a failure that may be over at the next try: no answer, or a server that is busy or failing. */
export const isPassing = (error: unknown): boolean =>
  error instanceof KubeError && (error.status === 0 || error.status === 429 || error.status >= 500);

/** True if RBAC refuses, and not a policy. A server that has just started may have read no roles yet. */
const isLackOfRights = (error: unknown): boolean =>
  hasStatus(error, 403) && /cannot \w+ resource/.test(error.message);

/**
 * True if the API server, an admission webhook or a policy refuses the request, so that the same request would be refused
 * again. A refusal by a webhook has the status 400 by default, but the webhook may choose any other.
 */
export const isRefusal = (error: unknown): error is KubeError =>
  !isLackOfRights(error) &&
  (hasStatus(error, 403) ||
    hasStatus(error, 422) ||
    (error instanceof KubeError && /admission webhook .* denied the request/.test(error.message)));

/** True if certainly nothing was written: the API server refused the request, or the request was not sent. */
export const isNotDone = (error: unknown): boolean =>
  error instanceof KubeError &&
  ((error.status >= 400 && error.status < 500) || error.reason === 'NotLeading' || isRefusal(error));

/** The longest wait that an answer may ask for. Without a limit, one answer could delay us for ever. */
const REQUESTED_MS_MAX = 30_000;

/** How long the API server asks to wait before the next try, in ms. */
export const requestedWaitMs = (error: unknown): number =>
  error instanceof KubeError ? Math.min((error.retryAfterSeconds ?? 0) * 1000, REQUESTED_MS_MAX) : 0;

/** The text of a refusal for a reason: the names of request and policy come first, then the policy's own words. */
export const wordsOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).slice(0, 500);
