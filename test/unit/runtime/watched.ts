/**
 * Caches and membership of one replica over an API server in memory.
 */

import type { TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Caches } from '../../../runtime/kube/caches.ts';
import { MembershipCache } from '../../../runtime/kube/membership.ts';
import type { KubeObject, PatchOperation } from '../../../runtime/kube/port.ts';
import * as kinds from '../../../runtime/kube/resources.ts';
import { Room } from '../../../runtime/kube/room.ts';
import { Notifier } from '../../../runtime/notifier.ts';
import { CapturedLog } from '../stand-ins/captured-log.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { MemoryKube } from '../stand-ins/memory-kube.ts';
import { node, type Raw, statefulSet } from '../world.ts';

export const OWN = 'stellar-peers';

export class Watched {
  readonly kube = new MemoryKube();
  readonly clock = new ManualClock();
  readonly caches: Caches;
  readonly memberships: MembershipCache;
  /** The changes that the caches reported, as `kind key`. */
  readonly told: string[] = [];
  readonly #stop = new AbortController();

  constructor(
    t: TestContext,
    options: { watchNamespaces?: readonly string[]; maxPeers?: number; room?: Room } = {},
  ) {
    const { watchNamespaces = [], maxPeers = 24, room = new Room() } = options;
    const { kube, clock } = this;
    const scope = { ownNamespace: OWN, watchNamespaces };
    const log = new CapturedLog();
    this.caches = new Caches({ kube, clock, log, scope, room, outage: new Notifier() });
    this.caches.onChange((kind, key) => this.told.push(`${kind} ${key}`));
    const domain = { peerScope: 'cluster', clusterDomain: 'cluster.local' } as const;
    const settings = { ...domain, maxPeers, stabilizationMs: 30_000 };
    this.memberships = new MembershipCache({ caches: this.caches, clock, settings, leaderAlive: () => true });
    t.after(() => this.#stop.abort());
  }

  /** Starts to watch a cluster that already has validators of these names. */
  static async over(t: TestContext, ...names: readonly string[]): Promise<Watched> {
    const watched = new Watched(t);
    watched.putValidators(...names);
    await watched.start();
    return watched;
  }

  put(resource: kinds.Resource, ...raws: readonly Raw[]): void {
    this.kube.seed(resource, raws as unknown as KubeObject[]);
  }

  /** Validators of these names with their StatefulSets. */
  putValidators(...names: readonly string[]): void {
    this.put(kinds.StellarNodes, ...names.map((name) => node(name)));
    this.put(kinds.StatefulSets, ...names.map((name) => statefulSet(name)));
  }

  change(resource: kinds.Resource, name: string, ...operations: readonly PatchOperation[]) {
    return this.kube.patch({ resource, namespace: 'stellar', name }, operations);
  }

  /** Begins to watch; resolves when everything was listed and every watch is up. */
  async start(): Promise<void> {
    void this.caches.run(this.#stop.signal);
    await this.settle(() => this.caches.synced());
    await this.settle();
    this.told.length = 0;
  }

  /** Lets everything happen that needs no time to pass. */
  async settle(until: () => boolean = () => false): Promise<void> {
    for (let count = 0; count < 10 && !until(); count += 1) await turn();
  }

  /** Lets `ms` pass, with everything that is due in that time. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settle();
  }
}
