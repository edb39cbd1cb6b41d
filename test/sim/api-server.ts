/**
 * The simulated API server as its clients see it: requests with latency and faults, watches, and the webhook for new pods.
 * store.ts has the objects and the rules of writing.
 */
import {
  type Kube,
  KubeError,
  type KubeObject,
  type ListQuery,
  type ObjectList,
  type PatchOperation,
} from '../../runtime/kube/port.ts';
import { collectionPath, type ObjectRef, objectPath, type Resource } from '../../runtime/kube/resources.ts';
import { type AdmissionReview, admitPod } from './admission.ts';
import type { Process } from './process.ts';
import type { Random } from './random.ts';
import { Store } from './store.ts';
import type { SimTime } from './time.ts';
import { Watches } from './watches.ts';

/** The faults between one client and the server. A request is given as `verb path`, such as `patch /apis/…/validator-1`. */
export interface Faults {
  /** The time that a request takes to the server, and its answer back. */
  latencyMs(): number;
  /** An error in place of the execution of a request, or of the stream of a watch. */
  before(request: string): KubeError | undefined;
  /** `lost` if the request is carried out, but its answer is lost: the client sees status 0 after its timeout. */
  after(request: string): 'lost' | undefined;
  /** The delay of a change in a watch. Events of one watch keep their order, but watches may overtake each other. */
  watchDelayMs(kind: string): number;
  /** The client gives up with status 0 after this time. Default: 5 s. */
  readonly timeoutMs?: number;
  /** Called with the Date of each answer, in whole seconds of the server's clock, and with the time that the call took. */
  readonly onDate?: (dateMs: number, tookMs: number) => void;
}

/** The webhook: resolves to its patch, or to undefined to allow the pod unchanged. Rejects if it is down. */
type Admit = (review: AdmissionReview) => Promise<readonly PatchOperation[] | undefined>;

/** A write in the form in which admission policies and foreign webhooks see it. */
export interface Written {
  readonly verb: 'apply' | 'patch' | 'delete';
  readonly ref: ObjectRef;
  readonly by: string;
  readonly operations: readonly PatchOperation[];
}

/** An admission policy: throws a KubeError, or returns the operations to carry out. */
export type Policy = (written: Written) => readonly PatchOperation[];

const CLIENT_TIMEOUT_MS = 5_000;
/** Field manager of the product's plain writes: its user agent. */
const PRODUCT = 'stellar-peers';

type Call = { readonly verb: string; readonly path: string; readonly execute: () => unknown };
type Send = <T>(call: Call) => Promise<T>;

export class SimServer {
  readonly #time: SimTime;
  readonly #random: Random;
  readonly #watches: Watches;
  /** The present objects, for controllers, invariants and tests. They are frozen. */
  readonly store: Store;
  /** A client without latency and faults, for a person with kubectl. */
  readonly admin: Kube;
  /** Asked about each pod that a webhook configuration in the store selects, until its timeout. */
  admit: Admit = () => Promise.resolve(undefined);
  /** Asked about each patch, apply and delete. */
  policy: Policy = ({ operations }) => operations;

  constructor(options: { time: SimTime; random: Random }) {
    this.#time = options.time;
    this.#random = options.random;
    this.store = new Store(options);
    this.#watches = new Watches(options.time, this.store);
    this.admin = this.actor('kubectl-edit');
  }

  /** A client like `admin` with another name, which appears in the store's changes and field managers. */
  actor(name: string): Kube {
    const send: Send = async <T>({ execute }: Call) => (await execute()) as T;
    return {
      ...this.#requests(name, send),
      watch: (resource, query, onEvent, signal) =>
        this.#watches.stream(
          { resource, query, owner: undefined, delayMs: () => 0, deliver: (fn) => fn() },
          onEvent,
          signal,
        ),
    };
  }

  /** The client of one of our processes. */
  client(process: Process, faults: Faults): Kube {
    const send: Send = (call) => this.#send(call, process, faults);
    return {
      ...this.#requests(process.name, send, PRODUCT),
      watch: async (resource, query, onEvent, signal) => {
        const path = collectionPath(resource, query.namespace);
        await Promise.race([send({ verb: 'watch', path, execute: () => undefined }), abortion(signal)]);
        if (signal.aborted) return;
        const delayMs = () => faults.watchDelayMs(resource.kind);
        const deliver = (fn: () => void) => process.deliver(fn);
        await this.#watches.stream({ resource, query, owner: process, delayMs, deliver }, onEvent, signal);
      },
    };
  }

  /** Forgets the history: a watch from an earlier version gets 410, as its status or as an event. */
  compact(): void {
    this.#watches.compact(this.#random.chance(0.5) ? 'status' : 'event');
  }

  /** Ends the watches of one process, or of all processes of ours; with an error if it is given. */
  cutWatches(process?: Process, error?: KubeError): void {
    this.#watches.cut(process, error);
  }

  /** Sends a bookmark to all watches, as the server does about once a minute. */
  bookmark(): void {
    this.#watches.bookmark();
  }

  #requests(by: string, send: Send, manager = by): Omit<Kube, 'watch'> {
    const { store } = this;
    const at = { by, manager };
    const call = (verb: string, ref: ObjectRef, execute: () => unknown): Call => ({
      verb,
      path: objectPath(ref),
      execute,
    });
    return {
      get: (ref) => send(call('get', ref, () => store.get(ref))),
      list: <T>(resource: Resource, query: ListQuery = {}, read = (object: KubeObject) => object as T) =>
        send<ObjectList<T>>({
          verb: 'list',
          path: collectionPath(resource, query.namespace),
          execute: () => {
            const { items, resourceVersion } = store.list(resource, query);
            return { items: items.map(read), resourceVersion };
          },
        }),
      create: (resource, body) => {
        const { namespace, name } = body.metadata;
        return send(call('create', { resource, namespace, name }, () => this.#create(resource, body, at)));
      },
      apply: (ref, body, options) =>
        send(
          call('apply', ref, () => {
            this.policy({ verb: 'apply', ref, by, operations: [] });
            const object = store.apply(ref, body, { by, force: false, ...options });
            return options.large ? { metadata: object.metadata } : object;
          }),
        ),
      replace: (ref, body) => send(call('replace', ref, () => store.replace(ref, body, at))),
      patch: (ref, operations) =>
        send(
          call('patch', ref, () => store.patch(ref, this.policy({ verb: 'patch', ref, by, operations }), at)),
        ),
      delete: (ref, preconditions) =>
        send(
          call('delete', ref, () => {
            this.policy({ verb: 'delete', ref, by, operations: [] });
            store.delete(ref, { ...preconditions, by });
          }),
        ),
    };
  }

  async #create(
    resource: Resource,
    body: Parameters<Kube['create']>[1],
    at: { by: string; manager: string },
  ) {
    if (resource.kind !== 'Pod') return this.store.create(resource, body, at);
    const pod = await admitPod(body, {
      store: this.store,
      time: this.#time,
      random: this.#random,
      admit: this.admit,
    });
    return this.store.create(resource, pod, at);
  }

  #send<T>({ verb, path, execute }: Call, process: Process, faults: Faults): Promise<T> {
    const request = `${verb} ${path}`;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const timeoutMs = faults.timeoutMs ?? CLIENT_TIMEOUT_MS;
    const sentAtMs = this.#time.nowMs();
    const answer = (fn: () => void) => {
      const dateMs = Math.floor(this.#time.nowMs() / 1000) * 1000;
      this.#time.schedule(faults.latencyMs(), () =>
        process.deliver(() => {
          stop();
          faults.onDate?.(dateMs, this.#time.nowMs() - sentAtMs);
          fn();
        }),
      );
    };
    const stop = this.#time.schedule(timeoutMs, () =>
      process.deliver(() =>
        reject(
          new KubeError(`${request}: no answer from the API server within ${timeoutMs} ms`, { status: 0 }),
        ),
      ),
    );
    const arrive = async () => {
      const refused = faults.before(request);
      if (refused) return void answer(() => reject(refused));
      try {
        const result = (await execute()) as T;
        if (faults.after(request) !== 'lost') answer(() => resolve(result));
      } catch (error) {
        if (faults.after(request) !== 'lost') answer(() => reject(error));
      }
    };
    this.#time.schedule(faults.latencyMs(), () => void arrive());
    return promise;
  }
}

const abortion = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
