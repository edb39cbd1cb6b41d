/**
 * A stand-in for the Stellar-K8s operator: makes StatefulSets from StellarNodes by server-side apply, at once or late, with
 * or without the noise of the real operator. operator-objects.ts makes the objects.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Kube, KubeObject } from '../../runtime/kube/port.ts';
import * as kinds from '../../runtime/kube/resources.ts';
import { follow } from './follow.ts';
import {
  configMap,
  deployment,
  disruptionBudget,
  networkPolicy,
  readReplicas,
  statefulSet,
} from './operator-objects.ts';
import { NetworkPolicies, under } from './resources.ts';

export interface OperatorOptions {
  /** The delay from a change of a StellarNode to the reaction. Default: 0. */
  readonly reactMs?: number;
  /** How often a StellarNode's status and a StatefulSet's own labels change without a reason. Default: never. */
  readonly noise?: { readonly nodeStatusMs?: number; readonly statefulSetMs?: number };
}

const OURS = { manager: 'stellar-operator', force: true };
const refOf = ({ metadata: { name, namespace = '' } }: KubeObject) => ({ name, namespace });
const FINALIZER = 'stellarnode.stellar.org/finalizer';

/** Handles the StellarNodes of all namespaces. After `stop` has resolved, it writes nothing more. */
export function startOperator(kube: Kube, options: OperatorOptions = {}): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const running = new StandIn(kube, options, stopping.signal).run();
  return {
    stop: () => {
      stopping.abort();
      return running;
    },
  };
}

class StandIn {
  readonly #kube: Kube;
  readonly #options: OperatorOptions;
  readonly #signal: AbortSignal;
  /** The StellarNodes as last seen, by UID. */
  readonly #nodes = new Map<string, KubeObject>();
  /** The last write for each StellarNode; the next one waits for it. */
  readonly #writes = new Map<string, Promise<void>>();

  constructor(kube: Kube, options: OperatorOptions, signal: AbortSignal) {
    this.#kube = kube;
    this.#options = options;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    const { nodeStatusMs = 0, statefulSetMs = 0 } = this.#options.noise ?? {};
    const put = (node: KubeObject) => this.#put(node);
    const remove = ({ metadata }: KubeObject) => void this.#nodes.delete(metadata.uid ?? '');
    await Promise.all([
      follow({ kube: this.#kube, resource: kinds.StellarNodes }, { put, remove }, this.#signal),
      this.#every(nodeStatusMs, (node, tick) => this.#writeStatus(node, tick)),
      this.#every(statefulSetMs, (node, tick) => this.#reconcile(node, tick % 2 === 0)),
    ]);
    await Promise.all(this.#writes.values());
  }

  #put(node: KubeObject): void {
    const { uid = '' } = node.metadata;
    const news = ({ metadata }: KubeObject) =>
      JSON.stringify([metadata.generation, metadata.deletionTimestamp, metadata.annotations]);
    const before = this.#nodes.get(uid);
    this.#nodes.set(uid, node);
    if (before === undefined || news(before) !== news(node)) this.#enqueue(uid, () => this.#react(uid));
  }

  #enqueue(uid: string, write: () => Promise<void>): void {
    this.#writes.set(uid, (this.#writes.get(uid) ?? Promise.resolve()).then(write));
  }

  /** Handles the StellarNode as it is after the delay. Tries again until it succeeds. */
  async #react(uid: string): Promise<void> {
    await this.#sleep(this.#options.reactMs ?? 0);
    while (!this.#signal.aborted) {
      const node = this.#nodes.get(uid);
      try {
        if (node) await this.#reconcile(node, true);
        return;
      } catch {
        await this.#sleep(250);
      }
    }
  }

  async #reconcile(node: KubeObject, labelled: boolean): Promise<void> {
    const { nodeType, maintenanceMode } = node.spec as { nodeType: string; maintenanceMode?: boolean };
    const { deletionTimestamp, uid = '' } = node.metadata;
    // Handles a deletion. As with the real operator, the StellarNode exists for a moment with a deletion mark.
    const finalizers = deletionTimestamp ? {} : { finalizers: [FINALIZER] };
    await this.#apply(kinds.StellarNodes, { metadata: { ...refOf(node), uid, ...finalizers } });
    if (deletionTimestamp || maintenanceMode) return;
    if (nodeType !== 'Validator') return this.#apply(kinds.Deployments, deployment(node));
    await this.#apply(kinds.ConfigMaps, configMap(node));
    await this.#apply(kinds.StatefulSets, statefulSet(node, labelled));
    await this.#apply(kinds.PodDisruptionBudgets, disruptionBudget(node));
    const replicas = readReplicas(node);
    await this.#apply(kinds.StatefulSets, replicas?.set);
    await this.#apply(kinds.Services, replicas?.service);
    await this.#apply(NetworkPolicies, networkPolicy(node));
  }

  async #apply(resource: kinds.Resource, object: KubeObject | undefined): Promise<void> {
    if (object) await this.#kube.apply({ resource, ...refOf(object) }, object, OURS);
  }

  /** A status without information that differs each time. */
  async #writeStatus({ metadata: { name, namespace } }: KubeObject, tick: number): Promise<void> {
    const ref = { resource: under({ resource: kinds.StellarNodes, name }), namespace, name: 'status' };
    const status = { phase: tick % 2 ? 'Running' : 'Syncing', message: `reconcile ${tick}` };
    await this.#kube.apply(ref, { metadata: { name }, status }, OURS);
  }

  /**
   * Makes noise about every StellarNode. As with the real operator's timers, each has its own moment in the period, and its
   * next noise begins only after the last one has ended.
   */
  async #every(periodMs: number, write: (node: KubeObject, tick: number) => Promise<void>): Promise<void> {
    const busy = new Set<string>();
    const now = async (uid: string, tick: number) => {
      const node = this.#nodes.get(uid);
      if (node) await write(node, tick).catch(() => {});
      busy.delete(uid);
    };
    const begin = (uid: string, tick: number) => {
      if (busy.has(uid)) return;
      busy.add(uid);
      this.#enqueue(uid, () => now(uid, tick));
    };
    for (let tick = 1; periodMs > 0 && !this.#signal.aborted; tick += 1) {
      const beganAtMs = performance.now();
      const uids = [...this.#nodes.keys()];
      for (const [index, uid] of [...uids, undefined].entries()) {
        const share = uids.length === 0 ? 1 : index / uids.length;
        await this.#sleep(beganAtMs + periodMs * share - performance.now());
        if (uid !== undefined) begin(uid, tick);
      }
    }
  }

  async #sleep(ms: number): Promise<void> {
    if (ms > 0) await delay(ms, undefined, { signal: this.#signal }).catch(() => {});
  }
}
