/**
 * The Kube port over @kubernetes/client-node: its KubeConfig says where and who. Requests are our own, because each
 * needs a deadline below the leader lease's margin, and the client's typed models drop fields that they do not know.
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
  /** For watches; a request's deadline is Node's own. */
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly userAgent: string;
  /** Told the Date of each answer, ms since the epoch; NaN where it has none that can be read. */
  readonly onDate?: (dateMs: number, tookMs: number) => void;
  /** Told of each request that has no answer after some seconds. */
  readonly onSlow?: () => void;
  /** Notified of each request, or watch, that the API server has granted. */
  readonly outage?: Pick<Notifier, 'notify'>;
}

/** Kube over that configuration; every single request fails after `timeoutMs`. */
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

/** What is asked of the API server beside objects. */
export interface ServerVersion {
  /** As `GET /version` says it, `v1.37.0`. Rejects as Kube does. */
  version(): Promise<string>;
}

/** Where nothing less is wanted. A caller that names another type passes its own. */
const asItIs = <T>(object: KubeObject): T => object as T;

/** So long a person waits without a word. */
const SLOW_MS = 4_000;
/** A list that is read without pages of its own is the longest. */
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
