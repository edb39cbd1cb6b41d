/** Writes planned ConfigMaps and Services at a bounded rate. Its memory of refused writes can only delay a write. */
import { inTurn } from '../../peers/lists.ts';
import {
  ANNOTATION_ROLLOUT,
  CREATE_FIELD_MANAGER,
  FIELD_MANAGER,
  PAUSE_FIELD_MANAGER,
  PEERS_CONFIGMAP,
} from '../../peers/names.ts';
import { readConfigMap } from '../../peers/read/cluster.ts';
import { type Reason, reason } from '../../peers/reasons/reasons.ts';
import { Backoff } from '../../runtime/backoff.ts';
import type { Clock } from '../../runtime/clock.ts';
import {
  isConflict,
  isRefusal,
  type Kube,
  type KubeError,
  requestedWaitMs,
  wordsOf,
} from '../../runtime/kube/port.ts';
import { ConfigMaps, type ObjectRef, Services } from '../../runtime/kube/resources.ts';
import type { Log } from '../../runtime/log.ts';
import { inParallel } from '../../runtime/parallel.ts';
import { isSharedWithOthers, withoutForeignKeys } from '../plan/publish/foreign-keys.ts';
import { bodyOf, type ConfigMapWrite, LABELS } from '../plan/publish/namespace-content.ts';
import type { ServicePlan } from '../plan/publish/services.ts';
import { headlessService, REFUSED_SERVICE_MS, refusedInTurn } from '../plan/publish/services.ts';

/** The overview is for people and programs, so once a second is enough. */
const OVERVIEW_INTERVAL_MS = 1_000;
/** The interval between two checks whether the watch shows a ConfigMap as we wrote it. */
const UNSEEN_MS = 1_000;
/** The least time between two reverts of edits in the same ConfigMap. */
const FORCE_INTERVAL_MS = 2_000;
/** The most Services to create in one pass, since lists and restarts wait for that, and tenants may delete them again. */
const SERVICES_AT_ONCE = 200;

export interface PublisherOptions {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  readonly ownNamespace: string;
}

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #backoff: Backoff;
  readonly #refusals = new Map<string, Reason>();

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.clock);
  }

  /** Writes that were refused permanently, and why: by namespace for ConfigMaps, by StellarNode for Services. */
  get refusals(): ReadonlyMap<string, Reason> {
    return this.#refusals;
  }

  /** The wait, in ms, until a delayed write may be tried again; undefined if none was delayed. */
  retryInMs(sinceMs?: number): number | undefined {
    return this.#backoff.nextInMs(sinceMs);
  }

  /** Does all writes that are due and planned on our last write. Resolves to the namespaces written; never rejects. */
  async publish(writes: readonly ConfigMapWrite[]): Promise<Set<string>> {
    const written = new Set<string>();
    const wanted = new Set(writes.map(({ namespace }) => namespace));
    this.#forgetRefusals((key) => !key.includes('/') && !wanted.has(key));
    const due = writes.filter((write) => this.#backoff.isDue(write.namespace) && !this.isWritten(write));
    await inParallel(due, async (write) => {
      await this.#attempt(write.namespace, 'ConfigMap stellar-peers', async () => {
        if (!(await this.#write(write))) return;
        written.add(write.namespace);
        // A plan on the same version has not seen this write.
        this.#backoff.putOff(planOf(write), UNSEEN_MS);
        const keys = Object.keys(write.data).length;
        this.#options.log.info({ namespace: write.namespace, keys }, 'published');
      });
      if (write.namespace === this.#options.ownNamespace) {
        this.#backoff.putOff(write.namespace, OVERVIEW_INTERVAL_MS);
      }
    });
    return written;
  }

  /** True for a write that was just done, but was planned on caches that do not show it yet. */
  isWritten(write: ConfigMapWrite): boolean {
    return !this.#backoff.isDue(planOf(write));
  }

  /**
   * Creates our own ConfigMap with a pause in it. The pause has its own field manager, so that publishing keeps it. If
   * this fails, our ConfigMap is not written, because a ConfigMap without the pause would lift it; those of other
   * namespaces are written.
   */
  async restorePause(value: string): Promise<void> {
    const { kube, log, ownNamespace: namespace } = this.#options;
    if (!this.#backoff.isDue(namespace) || !this.#backoff.isDue(`pause ${namespace}`)) return;
    log.warn({ value }, 'our ConfigMap was deleted; creating it again with its pause');
    const metadata = { name: PEERS_CONFIGMAP, namespace, annotations: { [ANNOTATION_ROLLOUT]: value } };
    const ref = { resource: ConfigMaps, namespace, name: PEERS_CONFIGMAP };
    await this.#attempt(namespace, 'ConfigMap stellar-peers', async () => {
      await kube.apply(ref, { metadata }, { manager: PAUSE_FIELD_MANAGER });
      this.#backoff.putOff(`pause ${namespace}`, UNSEEN_MS);
    });
  }

  /** Creates missing Services, as many as one pass may. A Service that has appeared meanwhile is left alone. */
  async createServices(plan: ServicePlan): Promise<void> {
    this.#forgetRefusals(
      (key) => key.includes('/') && !plan.create.some(({ validator }) => validator.key === key),
    );
    const again = refusedInTurn(this.#refusals.keys(), this.#backoff);
    const due = plan.create.filter(({ validator: { key } }) =>
      this.#refusals.has(key) ? again.has(key) : this.#backoff.isDue(key),
    );
    if (due.length > SERVICES_AT_ONCE) this.#backoff.putOff('further Services', 0);
    const inOrder = inTurn(due, ({ validator }) => validator.namespace);
    await inParallel(inOrder.slice(0, SERVICES_AT_ONCE), async ({ validator, statefulSet }) => {
      await this.#attempt(validator.key, `Service ${statefulSet.serviceName}`, async () => {
        await this.#options.kube
          .create(Services, headlessService(validator, statefulSet))
          .catch(ignoreConflict);
        // The watch may show the Service only after the next pass.
        this.#backoff.putOff(validator.key, OVERVIEW_INTERVAL_MS);
        if (again.has(validator.key)) this.#letIn(`${validator.namespace}/`);
      });
      if (this.#refusals.has(validator.key))
        this.#backoff.putOff(`services ${validator.namespace}`, REFUSED_SERVICE_MS);
    });
  }

  /** Forgets the refusals of a namespace: if one of its Services is accepted now, the others may be too. */
  #letIn(prefix: string): void {
    const others = [...this.#refusals.keys()].filter((key) => key.startsWith(prefix));
    for (const key of others) this.#backoff.succeeded(key);
    this.#forgetRefusals((key) => others.includes(key));
  }

  #forgetRefusals(isUnwanted: (key: string) => boolean): void {
    for (const key of this.#refusals.keys()) if (isUnwanted(key)) this.#refusals.delete(key);
  }

  async #attempt(key: string, what: string, action: () => Promise<void>): Promise<void> {
    try {
      await action();
      this.#backoff.succeeded(key);
      this.#refusals.delete(key);
    } catch (error) {
      const refused = isRefusal(error) && !isOver(error);
      const retryMs = this.#backoff.failed(key, refused, requestedWaitMs(error));
      const why = refused ? reason('RefusedByPolicy', wordsOf(error)) : undefined;
      // Removed first, so that a new refusal goes to the end of the queue. A temporary failure has a delay instead.
      this.#refusals.delete(key);
      if (why) this.#refusals.set(key, why);
      this.#options.log.warn({ error, key, what, reason: why?.code, retryMs }, 'write failed');
    }
  }

  /**
   * Writes one ConfigMap. The API server must still have the resourceVersion of the plan, so that a leader that was
   * held up past its Lease cannot overwrite what its successor has published. False if nothing was written.
   */
  async #write(write: ConfigMapWrite): Promise<boolean> {
    const ref: ObjectRef = { resource: ConfigMaps, namespace: write.namespace, name: PEERS_CONFIGMAP };
    if (write.remove) return this.#remove(ref);
    const version = write.version ?? (await this.#createEmpty(ref));
    if (version === undefined) return false;
    const versioned = { ...write, version };
    try {
      return await this.#apply(ref, versioned);
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
    return this.#takeBack(ref, versioned);
  }

  /**
   * The resourceVersion of the ConfigMap, which is created empty if it is missing. Undefined if it already holds keys
   * of ours that the watch does not show yet: writing them again would give each view a new date of publication.
   */
  async #createEmpty(ref: ObjectRef): Promise<string | undefined> {
    const { name, namespace = '' } = ref;
    const body = { metadata: { name, namespace, labels: LABELS } };
    const created = await this.#options.kube.apply(ref, body, { manager: CREATE_FIELD_MANAGER });
    if (readConfigMap(created).ownKeys.length === 0) return created.metadata.resourceVersion ?? '';
    this.#backoff.putOff(namespace, UNSEEN_MS);
    return undefined;
  }

  /**
   * Handles a conflict. If another writer came first, the plan is old and must be made again. If another manager holds
   * our keys, an edit by a person is reverted, but keys that a controller applies are left to the controller.
   */
  async #takeBack(ref: ObjectRef, write: ConfigMapWrite): Promise<boolean> {
    const { namespace } = write;
    const live = await this.#options.kube.get(ref);
    if (live?.metadata.resourceVersion !== write.version) {
      this.#backoff.putOff(planOf(write), UNSEEN_MS);
      return false;
    }
    const key = `force ${namespace}`;
    if (!this.#backoff.isDue(key)) return false;
    this.#backoff.putOff(key, FORCE_INTERVAL_MS);
    this.#options.log.warn({ namespace }, 'reverting manual edits of managed keys');
    const data = withoutForeignKeys(write.data, live && readConfigMap(live));
    return this.#apply(ref, { ...write, data }, true);
  }

  async #apply(ref: ObjectRef, write: ConfigMapWrite, force = false): Promise<true> {
    await this.#options.kube.apply(ref, bodyOf(write), { manager: FIELD_MANAGER, force, large: true });
    return true;
  }

  /** Deletes the object if no other writer put anything into it meanwhile. */
  async #remove(ref: ObjectRef): Promise<true> {
    const { kube } = this.#options;
    const live = await kube.get(ref);
    if (!live || isSharedWithOthers(readConfigMap(live))) return true;
    const { uid = '', resourceVersion = '' } = live.metadata;
    await kube.delete(ref, { uid, resourceVersion });
    return true;
  }
}

const planOf = ({ namespace, version }: ConfigMapWrite): string => `${namespace} at ${version}`;

function ignoreConflict(error: unknown): void {
  if (!isConflict(error)) throw error;
}

/** A namespace that is being deleted refuses new objects, but may exist again a moment later. */
const isOver = (error: KubeError): boolean => error.causes.includes('NamespaceTerminating');
