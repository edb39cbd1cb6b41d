/**
 * The simulated API server as its clients see it: requests with latency and faults, watches, and the webhook that is
 * asked about each new pod. What it holds and the rules of writing are store.ts.
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

/** What goes wrong between one client and the server. A request is `verb path`, as `patch /apis/…/validator-1`. */
export interface Faults {
  /** How long a request travels, and how long its answer does. */
  latencyMs(): number;
  /** The answer in place of execution; for a watch, in place of the stream. */
  before(request: string): KubeError | undefined;
  /** Carried out, but the client never learns of it: it sees status 0 after its timeout. */
  after(request: string): 'lost' | undefined;
  /** How late a watch learns of one change; a watch's events keep their order, watches overtake each other. */
  watchDelayMs(kind: string): number;
  /** After this long without an answer the client gives up with status 0. Default 5 s. */
  readonly timeoutMs?: number;
  /** Told the Date of each answer as it comes, in whole seconds of the server's clock, and how long request and answer took. */
  readonly onDate?: (dateMs: number, tookMs: number) => void;
}

/** What the webhook answers: its patch, or nothing for "allowed as it is"; a rejection is a webhook that is down. */
export type Admit = (review: AdmissionReview) => Promise<readonly PatchOperation[] | undefined>;

/** A write as an admission policy, or a webhook of others, sees it. */
export interface Written {
  readonly verb: 'apply' | 'patch' | 'delete';
  readonly ref: ObjectRef;
  readonly by: string;
  readonly operations: readonly PatchOperation[];
}

/** What becomes of a write: it throws a KubeError, or gives the operations that are carried out. */
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
  /** Everything in it as it is now, for controllers, invariants and quick looks. Its objects are frozen. */
  readonly store: Store;
  /** No latency, no faults: a person with kubectl. */
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

  /** Like `admin` under another name: who wrote what is in the store's changes and its field managers. */
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

  /** What one process of ours reaches the server by. */
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

  /** Forgets what was: a watch from a version before now is answered by 410, by status or by event. */
  compact(): void {
    this.#watches.compact(this.#random.chance(0.5) ? 'status' : 'event');
  }

  /** Ends the watches of one process, or all but the controllers'; in an error or as if in order. */
  cutWatches(process?: Process, error?: KubeError): void {
    this.#watches.cut(process, error);
  }

  /** Tells all watches how far they have come, as the server does about once a minute. */
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
