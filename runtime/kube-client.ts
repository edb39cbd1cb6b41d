/**
 * The Kube port over @kubernetes/client-node: its KubeConfig says where and who. Requests are our own, because each
 * needs a deadline below the leader lease's margin, and the client's typed models drop fields that they do not know.
 */
import type { IncomingMessage } from 'node:http';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { parseJson } from '../peers/field.ts';
import { withoutManagedFields } from '../peers/managed-fields.ts';
import { hasStatus, type Kube, KubeError, type KubeObject, type ListQuery, type ObjectList } from './kube.ts';
import { type Call, noAnswer, openRequest, queryString, textOf } from './kube-request.ts';
import { runWatch } from './kube-watch.ts';
import { Lulls } from './lulls.ts';
import { collectionPath, objectPath, type Resource } from './resources.ts';

const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
/** Of each page there is, for a moment, the text and what it says, whole objects: some 10 KB a pod, twice. */
const PAGE_LIMIT = 200;

/** A configuration that names no cluster, or cannot be read: which, and why. */
export class KubeConfigError extends Error {
  override readonly name = 'KubeConfigError';
}

/** What the client takes where it finds nothing; nobody's API server is there. */
const NOWHERE = 'http://localhost:8080';

interface KubeConfigOptions {
  /** A file in place of the usual places. */
  readonly path?: string;
  readonly context?: string;
  /** Where the usual places are, for people. */
  readonly described?: string | undefined;
}

/**
 * KubeConfig from the usual places: KUBECONFIG, ~/.kube/config, the pod's ServiceAccount. Throws KubeConfigError where
 * there is none, or none that can be read.
 */
export function loadKubeConfig(options: KubeConfigOptions = {}): KubeConfig {
  const config = new KubeConfig();
  try {
    if (options.path) config.loadFromFile(options.path);
    else config.loadFromDefault();
    if (options.context) config.setCurrentContext(options.context);
  } catch (cause) {
    const [sentence = ''] = String(cause).split('\n');
    throw new KubeConfigError(
      `the kubeconfig ${options.path ?? options.described ?? ''} cannot be read: ${sentence}`,
      { cause },
    );
  }
  if (options.context && !config.getContextObject(options.context)) {
    throw new KubeConfigError(`the kubeconfig has no context ${options.context}`);
  }
  if ((config.getCurrentCluster()?.server ?? NOWHERE) === NOWHERE) {
    throw new KubeConfigError(
      'no cluster is configured: set KUBECONFIG, or run in a pod with a ServiceAccount',
    );
  }
  return config;
}

export interface KubeOptions {
  readonly timeoutMs: number;
  readonly userAgent: string;
  /** Told the Date of each answer, ms since the epoch; NaN where it has none that can be read. */
  readonly onDate?: (dateMs: number) => void;
  /** Told of each request, or watch, that the API server has granted. */
  readonly onSuccess?: () => void;
}

/** Kube over that configuration; every single request fails after `timeoutMs`. */
export function createKube(config: KubeConfig, options: KubeOptions): Kube {
  const send = (call: Call) => sendRequest(config, call, options);
  const lulls = new Lulls();
  return {
    get: async (ref) => {
      try {
        return (await send({ method: 'GET', path: objectPath(ref) })) as KubeObject;
      } catch (error) {
        if (hasStatus(error, 404)) return undefined;
        throw error;
      }
    },
    list: (resource, query = {}, read = asItIs) => listPages(send, { resource, query, read }),
    create: async (resource, body) =>
      (await send({
        method: 'POST',
        path: collectionPath(resource, body.metadata.namespace),
        body,
      })) as KubeObject,
    apply: async (ref, body, { manager, force = false, large = false }) =>
      (await send({
        method: 'PATCH',
        path: `${objectPath(ref)}?fieldManager=${encodeURIComponent(manager)}&force=${force}&fieldValidation=${large ? 'Ignore' : 'Strict'}`,
        body: { ...body, apiVersion: ref.resource.apiVersion, kind: ref.resource.kind },
        contentType: 'application/apply-patch+yaml',
        ...(large ? { accept: METADATA_ONLY } : {}),
      })) as KubeObject,
    replace: async (ref, body) => (await send({ method: 'PUT', path: objectPath(ref), body })) as KubeObject,
    patch: async (ref, operations) =>
      (await send({
        method: 'PATCH',
        path: objectPath(ref),
        body: operations,
        contentType: 'application/json-patch+json',
      })) as KubeObject,
    delete: async (ref, preconditions) => {
      try {
        await send({ method: 'DELETE', path: objectPath(ref), body: { preconditions } });
      } catch (error) {
        if (!hasStatus(error, 404)) throw error;
      }
    },
    watch: (resource, query, onEvent, signal) =>
      runWatch({ config, resource, query, lulls, ...options, onSuccess: options.onSuccess }, onEvent, signal),
  };
}

/** What is asked of the API server beside objects: its version, and what it would make of an object. */
export interface Trials {
  /** As `GET /version` says it, `v1.37.0`. */
  version(): Promise<string>;
  /** The object as it would be stored, admission included; nothing is stored (`dryRun`). Rejects as Kube does. */
  tryCreate(resource: Resource, body: KubeObject): Promise<KubeObject>;
}

/** Trials over that configuration. */
export function createTrials(config: KubeConfig, options: KubeOptions): Trials {
  const send = (call: Call) => sendRequest(config, call, options);
  return {
    version: async () => {
      const { gitVersion } = (await send({ method: 'GET', path: '/version' })) as { gitVersion?: unknown };
      return String(gitVersion ?? '');
    },
    tryCreate: async (resource, body) =>
      (await send({
        method: 'POST',
        path: `${collectionPath(resource, body.metadata.namespace)}?dryRun=All`,
        body,
      })) as KubeObject,
  };
}

/** Where nothing less is wanted. A caller that names another type passes its own. */
const asItIs = <T>(object: KubeObject): T => object as T;

interface Listing<T> {
  readonly resource: Resource;
  readonly query: ListQuery;
  readonly read: (object: KubeObject) => T;
}

async function listPages<T>(
  send: (call: Call) => Promise<unknown>,
  { resource, query, read }: Listing<T>,
): Promise<ObjectList<T>> {
  const items: T[] = [];
  let continueToken = '';
  for (;;) {
    const extra: Record<string, string> = { limit: String(PAGE_LIMIT) };
    if (continueToken) extra.continue = continueToken;
    const path = `${collectionPath(resource, query.namespace)}?${queryString(query, extra)}`;
    const page = (await send({ method: 'GET', path, unmanaged: query.unmanaged === true })) as {
      items: KubeObject[];
      metadata: { resourceVersion: string; continue?: string };
    };
    for (const object of page.items) items.push(read(object));
    continueToken = page.metadata.continue ?? '';
    if (!continueToken) return { items, resourceVersion: page.metadata.resourceVersion };
  }
}

async function sendRequest(config: KubeConfig, call: Call, options: KubeOptions): Promise<unknown> {
  const signal = AbortSignal.timeout(options.timeoutMs);
  const incoming = await openRequest(config, call, { userAgent: options.userAgent, signal });
  options.onDate?.(Date.parse(incoming.headers.date ?? ''));
  const text = await textOf(incoming).catch((cause: unknown) => {
    throw noAnswer(call, cause);
  });
  const body = readAnswer(call, incoming, call.unmanaged ? withoutManagedFields(text) : text);
  options.onSuccess?.();
  return body;
}

function readAnswer({ method, path }: Call, incoming: IncomingMessage, text: string): unknown {
  const body = parseJson(text);
  const { statusCode = 0, headers } = incoming;
  if (statusCode >= 200 && statusCode < 300) return body;
  const status = (body ?? {}) as { message?: string; reason?: string };
  const message = status.message ?? (text.slice(0, 200) || 'empty answer');
  const retryAfter = headers['retry-after'];
  throw new KubeError(`${method} ${path}: ${statusCode} ${message}`, {
    status: statusCode,
    reason: status.reason ?? '',
    retryAfterSeconds: retryAfter ? Number(retryAfter) : undefined,
  });
}
