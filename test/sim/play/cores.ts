/**
 * The HTTP ports of simulated validators: some are closed, some answer, some answer with a state of minutes ago, and some
 * stop answering. The witness remembers all answers.
 */

import type { Clock } from '../../../runtime/clock.ts';
import { type CoreClient, CoreError } from '../../../runtime/core-client.ts';
import type { KubeObject } from '../../../runtime/kube/port.ts';
import { fieldsAt } from '../frozen.ts';
import { keysOf, membersOf } from './members.ts';
import type { PortPlan } from './port-plan.ts';
import { failAtOf } from './sets.ts';
import type { Stage } from './stage.ts';
import { isRunning, isUp, knownBy, podsOf } from './standing.ts';
import { toldBySidecar } from './told.ts';

const TRAVEL_MS = 5;
/** A little less than the product's ten minutes, because the witness does not know when an answer was read. */
const APART_MS = 590_000;

interface Answer {
  readonly atMs: number;
  /** Address by digest. */
  readonly peers: ReadonlyMap<string, string>;
  readonly synced: boolean;
  readonly failAt: number | undefined;
}
const NOTHING: Answer = { atMs: 0, peers: new Map(), synced: false, failAt: undefined };

interface Runner {
  readonly node: string;
  readonly network: number;
  readonly digest: string;
  readonly address: string;
  readonly pod: KubeObject;
  readonly port: PortPlan | undefined;
}

export class Cores {
  readonly #stage: Stage;
  /** All answers, by the UID of the pod. */
  readonly #answers = new Map<string, Answer[]>();
  readonly #told = new Map<string, Set<string>>();
  readonly #seenSinceMs = new Map<string, number>();
  readonly #apartSinceMs = new Map<string, number>();
  /** Since when each pod's port says that one more failure stops it. */
  readonly #fragileSinceMs = new Map<string, number>();
  /** Until when each pod's port said that it is not synced; Infinity while it does. */
  readonly #unsyncedUntilMs = new Map<string, number>();
  #isHonest = false;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** The client for the ports; undefined if no validator has one. */
  client(clock: Clock): CoreClient | undefined {
    if (this.#stage.plan.nodes.every(({ port }) => port === undefined)) return undefined;
    const ask = async <T>(host: string, answer: (asked: Runner) => T): Promise<T> => {
      await clock.sleep(TRAVEL_MS);
      return answer(this.#listening(host));
    };
    return {
      peers: (host) => ask(host, (asked) => new Set(this.#answerOf(asked).peers.values())),
      info: (host) =>
        ask(host, (asked) => {
          const { peers, synced, failAt } = this.#answerOf(asked);
          const info = { synced, authenticated: peers.size, ledgerAgeSeconds: 1, state: 'Synced!' };
          return failAt === undefined ? info : { ...info, failAt };
        }),
      connect: (host, peer) =>
        ask(host, ({ pod }) => {
          const told = this.#told.get(uidOf(pod)) ?? new Set();
          this.#told.set(uidOf(pod), told.add(`${peer.host}:${peer.port}`));
        }),
    };
  }

  /** From now on all ports answer with the present state. */
  calm(): void {
    this.#isHonest = true;
  }

  /** The time since the pod's port first showed a connection to that peer, in ms; undefined if it never did. */
  seenForMs(pod: KubeObject, digest: string): number | undefined {
    const sinceMs = this.#seenSinceMs.get(`${uidOf(pod)} ${digest}`);
    return sinceMs === undefined ? undefined : this.#nowMs - sinceMs;
  }

  /** True if the pod's port has answered for minutes without showing a connection to that peer. */
  wasApart(pod: KubeObject, digest: string): boolean {
    const sinceMs = this.#apartSinceMs.get(`${uidOf(pod)} ${digest}`);
    return sinceMs !== undefined && this.#nowMs - sinceMs >= APART_MS;
  }

  /** For how long the pod's port has said that one more failure would stop it, in ms; undefined if it does not say so. */
  fragileForMs(pod: KubeObject): number | undefined {
    const sinceMs = this.#fragileSinceMs.get(uidOf(pod));
    return sinceMs === undefined ? undefined : this.#nowMs - sinceMs;
  }

  /** True if the pod's port says that it is not synced, or said so within the last `withinMs`. */
  isUnsynced(pod: KubeObject, withinMs: number): boolean {
    return (this.#unsyncedUntilMs.get(uidOf(pod)) ?? Number.NEGATIVE_INFINITY) > this.#nowMs - withinMs;
  }

  get #nowMs(): number {
    return this.#stage.time.monotonicMs();
  }

  #listening(host: string): Runner {
    const found = this.#runners().find(({ pod }) => ipOf(pod) === host);
    const isOpen = found?.port && (found.port.kind !== 'stops' || this.#nowMs < found.port.atMs);
    if (found && !isOpen) this.#forgetState(found);
    if (!found || !isOpen) throw new CoreError('refused', `connection refused by ${host}`);
    return found;
  }

  /** All pods that run. */
  #runners(): Runner[] {
    const { server, plan } = this.#stage;
    return keysOf(plan).flatMap((key, index) => {
      const { network = 0, port } = plan.nodes[index] ?? {};
      return podsOf(server.store, key)
        .filter(isRunning)
        .flatMap((pod) => {
          const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
          const member = membersOf(this.#stage, key).find((each) => each.pod === name);
          const address = `${ipOf(pod)}:${member?.address.split(':').at(-1)}`;
          return member ? [{ network, digest: member.digest, address, pod, port, node: key }] : [];
        });
    });
  }

  #answerOf(asked: Runner): Answer {
    const peers = this.#runners().filter((other) => other !== asked && this.#areLinked(asked, other));
    const now: Answer = {
      atMs: this.#nowMs,
      peers: new Map(peers.map(({ digest, address }) => [digest, address])),
      synced: isUp(asked.pod) && peers.length > 0,
      failAt: failAtOf(asked.node, this.#unheardBy(asked), this.#stage.plan),
    };
    const all = [...(this.#answers.get(uidOf(asked.pod)) ?? []), now];
    this.#answers.set(uidOf(asked.pod), all);
    const lateMs = !this.#isHonest && asked.port?.kind === 'late' ? asked.port.ms : 0;
    const told = all.findLast(({ atMs }) => atMs <= this.#nowMs - lateMs) ?? NOTHING;
    this.#remember(asked, told);
    this.#rememberState(asked, told);
    return told;
  }

  /** The other validators of its network without a pod that is up. */
  #unheardBy({ node, network }: Runner): string[] {
    const { plan, server } = this.#stage;
    const others = keysOf(plan).filter(
      (key, index) => key !== node && plan.nodes[index]?.network === network,
    );
    return others.filter((key) => !podsOf(server.store, key).some(isUp));
  }

  #forgetState({ pod }: Runner): void {
    this.#fragileSinceMs.delete(uidOf(pod));
    this.#unsyncedUntilMs.delete(uidOf(pod));
  }

  #rememberState({ pod }: Runner, { synced, failAt }: Answer): void {
    const uid = uidOf(pod);
    if (failAt === undefined || failAt > 1) this.#fragileSinceMs.delete(uid);
    else this.#fragileSinceMs.set(uid, this.#fragileSinceMs.get(uid) ?? this.#nowMs);
    if (!synced) this.#unsyncedUntilMs.set(uid, Number.POSITIVE_INFINITY);
    else if (this.#unsyncedUntilMs.get(uid) === Number.POSITIVE_INFINITY)
      this.#unsyncedUntilMs.set(uid, this.#nowMs);
  }

  #areLinked(one: Runner, other: Runner): boolean {
    if (one.network !== other.network || uidOf(one.pod) === uidOf(other.pod)) return false;
    const dials = (from: Runner, to: Runner) =>
      knownBy(from.pod)?.includes(to.digest) ||
      this.#told.get(uidOf(from.pod))?.has(to.address) ||
      toldBySidecar(from.pod, from.node, this.#stage).includes(to.digest);
    return dials(one, other) || dials(other, one);
  }

  #remember(asked: Runner, { peers }: Answer): void {
    for (const { digest } of this.#runners()) {
      const id = `${uidOf(asked.pod)} ${digest}`;
      if (peers.has(digest)) {
        this.#apartSinceMs.delete(id);
        this.#seenSinceMs.set(id, this.#seenSinceMs.get(id) ?? this.#nowMs);
      } else if (!this.#seenSinceMs.has(id)) {
        this.#apartSinceMs.set(id, this.#apartSinceMs.get(id) ?? this.#nowMs);
      }
    }
  }
}

const uidOf = ({ metadata }: KubeObject): string => metadata.uid ?? '';
const ipOf = ({ status }: KubeObject): string => String(fieldsAt(status).podIP ?? '');
