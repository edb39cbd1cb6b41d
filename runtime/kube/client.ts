/**
 * Implements the port Kube. KubeConfig of @kubernetes/client-node has the server and the credentials. The requests are our
 * own: each needs a deadline below the margin of the Lease, and the library's typed models drop unknown fields.
 */

import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { textOf } from '../../peers/field.ts';
import { withoutManagedFields } from '../../peers/read/managed-fields.ts';
import type { Clock } from '../clock.ts';
import type { Notifier } from '../notifier.ts';
import { dateMsOf, type KubeAnswer, objectIn, readAnswer } from './answer.ts';
import { readBody } from './body.ts';
import { whereOf } from './kubeconfig-auth.ts';
import { isTimeout } from './network-words.ts';
import { listPages } from './pages.ts';
import { hasStatus, type Kube, KubeError, type KubeObject } from './port.ts';
import { ReadThrottle } from './read-throttle.ts';
import { type Call, dropKept, noAnswer, openRequest } from './request.ts';
import { collectionPath, objectPath } from './resources.ts';
import { runWatch } from './watch.ts';

const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
export interface KubeOptions {
  /** Used for watches. The deadline of other requests is a timer of Node. */
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly userAgent: string;
  /** Called with the header Date of each answer, in ms since the epoch; NaN if it is missing or not valid. */
  readonly onDate?: (dateMs: number, tookMs: number) => void;
  /** Called for each request that has no answer after some seconds. */
  readonly onSlow?: () => void;
  /** Notified of each request, or watch, that the API server has granted. */
  readonly outage?: Pick<Notifier, 'notify'>;
}

/** Kube over a KubeConfig. Each request fails after `timeoutMs`. */
export function createKube(config: KubeConfig, options: KubeOptions): Kube & ServerVersion {
  const ask = (call: Call) => sendRequest(config, call, options);
  const send = async (call: Call) => objectIn(await ask(call));
  const readThrottle = new ReadThrottle(options.clock);
  return {
    get: (ref) => send({ method: 'GET', path: objectPath(ref) }).catch(noneWhereMissing),
    list: (resource, query = {}, read = asItIs) => listPages(ask, { resource, query, read }),
    create: (resource, body) =>
      send({
        method: 'POST',
        path: collectionPath(resource, body.metadata.namespace),
        body,
      }),
    apply: (ref, body, { manager, force = false, large = false }) =>
      send({
        method: 'PATCH',
        path: `${objectPath(ref)}?fieldManager=${encodeURIComponent(manager)}&force=${force}&fieldValidation=${large ? 'Ignore' : 'Strict'}`,
        body: { ...body, apiVersion: ref.resource.apiVersion, kind: ref.resource.kind },
        contentType: 'application/apply-patch+yaml',
        ...(large ? { accept: METADATA_ONLY } : {}),
      }),
    replace: (ref, body) => send({ method: 'PUT', path: objectPath(ref), body }),
    patch: (ref, operations) =>
      send({
        method: 'PATCH',
        path: objectPath(ref),
        body: operations,
        contentType: 'application/json-patch+json',
      }),
    delete: async (ref, preconditions) => {
      await ask({ method: 'DELETE', path: objectPath(ref), body: { preconditions } }).catch(noneWhereMissing);
    },
    watch: (resource, query, onEvent, signal) =>
      runWatch({ config, resource, query, readThrottle, ...options }, onEvent, signal),
    version: async () => {
      const { body } = await ask({ method: 'GET', path: '/version' });
      return textOf(body.gitVersion) ?? '';
    },
  };
}

function noneWhereMissing(error: unknown): undefined {
  if (!hasStatus(error, 404)) throw error;
}

/** The version of the API server. */
export interface ServerVersion {
  /** The version from `GET /version`, such as `v1.37.0`. Rejects as Kube does. */
  version(): Promise<string>;
}

/** The default of `read`: the whole object. A caller with another type T passes its own `read`. */
const asItIs = <T>(object: KubeObject): T => object as T;

/** A person waits this long before a command reports that the API server is slow. */
const SLOW_MS = 4_000;
/** The largest answer that is read. The largest real answers are lists without pages. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

async function sendRequest(config: KubeConfig, call: Call, options: KubeOptions): Promise<KubeAnswer> {
  let stopWaiting: (() => void) | undefined;
  let sentAtMs = options.clock.monotonicMs();
  const begin = () => {
    sentAtMs = options.clock.monotonicMs();
    if (options.onSlow) stopWaiting = options.clock.after(SLOW_MS, options.onSlow);
    return AbortSignal.timeout(options.timeoutMs);
  };
  try {
    const incoming = await openRequest(config, call, { userAgent: options.userAgent, begin });
    options.onDate?.(dateMsOf(incoming.headers), options.clock.monotonicMs() - sentAtMs);
    const text = await readBody(incoming, call.bytesMax ?? ANSWER_BYTES_MAX).catch((cause: unknown) => {
      throw noAnswer(call, config, cause);
    });
    const answer = readAnswer(call, {
      ...{ incoming, where: whereOf(config) },
      text: call.unmanaged ? withoutManagedFields(text) : text,
    });
    options.outage?.notify();
    return answer;
  } catch (error) {
    if (error instanceof KubeError && isTimeout(error.cause)) dropKept();
    throw error;
  } finally {
    stopWaiting?.();
  }
}
