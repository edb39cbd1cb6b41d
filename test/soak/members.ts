/**
 * The validators of the soak: their joins and leaves, and the number of restarts that these justify. Computed only from
 * names and times, without the product.
 */
import { Pods } from '../../runtime/kube/resources.ts';
import { follow } from '../cluster/follow.ts';
import { digestOf, Network } from '../cluster/network.ts';
import type { Scene } from '../cluster/scene.ts';

const NAMESPACE = 'soak';
const FOUNDERS = 3;
const SIZE_MAX = 6;
/** A roll of the whole, with whatever else happens meanwhile. */
const CONVERGENCE_MS = 240_000;

interface Member {
  readonly name: string;
  readonly joinedAtMs: number;
  leftAtMs?: number;
}

type Stage = Pick<Scene, 'cluster' | 'pods'>;

export class Members {
  readonly #stage: Stage;
  readonly #network: Network;
  readonly #members: Member[] = [];
  /** What each pod was started with, by UID. */
  readonly #stamps = new Map<string, string | undefined>();
  /** UIDs of pods that a person deleted. */
  readonly #deleted = new Set<string>();
  readonly #watching = new AbortController();
  readonly #watched: Promise<void>;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#network = new Network(stage as Scene, NAMESPACE);
    const source = { kube: stage.cluster.admin, resource: Pods, query: { namespace: NAMESPACE } };
    this.#watched = follow(
      source,
      {
        put: ({ metadata: { uid = '', annotations } }) =>
          void this.#stamps.set(uid, annotations?.['stellar.org/peers']),
        remove: () => undefined,
      },
      this.#watching.signal,
    );
  }

  /** The one that pods of the load pretend to be of. */
  get first() {
    return { namespace: NAMESPACE, name: this.#nameOf(1) };
  }

  async found(): Promise<void> {
    const names = Array.from({ length: FOUNDERS }, (_, index) => this.#nameOf(index + 1));
    for (const name of names) this.#members.push({ name, joinedAtMs: Date.now() });
    await this.#network.found(names);
    await this.converged();
  }

  /** One more joins, or the newest leaves where there are enough. Resolves to what it was. */
  async change(): Promise<string> {
    const present = this.#present();
    const newest = present.at(-1);
    if (present.length < SIZE_MAX || !newest) {
      const name = this.#nameOf(this.#members.length + 1);
      this.#members.push({ name, joinedAtMs: Date.now() });
      await this.#network.add(name);
      return 'a validator joins';
    }
    newest.leftAtMs = Date.now();
    await this.#network.remove(newest.name);
    return 'a validator leaves';
  }

  /** A person deletes a pod by hand. */
  async deletePod(pick: (names: readonly string[]) => string): Promise<string> {
    const name = pick(this.#present().map((member) => member.name));
    const uid = this.#stage.pods.pods.get(this.#network.podOf(name))?.metadata.uid ?? '';
    this.#deleted.add(uid);
    await this.#network.deletePod(name);
    await this.#stage.pods.until(`${name} is replaced`, ({ pods }) => {
      const pod = pods.get(this.#network.podOf(name));
      return pod !== undefined && pod.metadata.uid !== uid;
    });
    return 'a pod is deleted by hand';
  }

  /** Until all that are there are Ready and know all others. */
  async converged(): Promise<void> {
    const lacksNobody = () =>
      this.#present().every(({ name }) => {
        const pod = this.#stage.pods.pods.get(this.#network.podOf(name));
        if (!pod || !this.#stage.pods.isReady(this.#network.podOf(name))) return false;
        return this.#lacking(name, pod.metadata.uid ?? '', Date.now()) === 0;
      });
    await this.#stage.pods.until('all know each other', lacksNobody, CONVERGENCE_MS);
  }

  /** Pods that were replaced, and how many of these lacked a peer of the time, or were deleted by hand. */
  restarts(): { counted: number; expected: number } {
    const counts = this.#stage.pods.restarts();
    let counted = 0;
    let expected = 0;
    for (const { name } of this.#members) {
      const pod = this.#network.podOf(name);
      counted += counts[pod] ?? 0;
      const lives = this.#stage.pods.lives(pod);
      const replaced = lives.slice(0, -1).filter(({ ranAtMs }) => ranAtMs !== undefined);
      expected += replaced.filter(({ uid, terminatingAtMs = Date.now() }) => {
        return this.#deleted.has(uid) || this.#lacking(name, uid, terminatingAtMs) > 0;
      }).length;
    }
    return { counted, expected };
  }

  /** The most that were down at once, but for the first start of each, and for those who have left since. */
  mostDown(sinceMs: number): number {
    const present = new Set(this.#present().map(({ name }) => this.#network.podOf(name)));
    const inside = (pod: string) => (present.has(pod) ? 'here' : undefined);
    return this.#stage.pods.maxDown(inside, { sinceMs }).here ?? 0;
  }

  async stop(): Promise<void> {
    this.#watching.abort();
    await this.#watched;
  }

  #nameOf = (number: number): string => `validator-${number}`;

  #present(atMs = Date.now()): Member[] {
    return this.#members.filter(
      ({ joinedAtMs, leftAtMs = Number.POSITIVE_INFINITY }) => joinedAtMs <= atMs && leftAtMs > atMs,
    );
  }

  #lacking(name: string, uid: string, atMs: number): number {
    const known = new Set((this.#stamps.get(uid) ?? '').replace('v1:', '').split(','));
    const others = this.#present(atMs).filter((member) => member.name !== name);
    return others.filter((other) => !known.has(digestOf(NAMESPACE, other.name))).length;
  }
}
