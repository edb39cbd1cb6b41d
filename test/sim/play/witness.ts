/**
 * The independent witness: since when each validator stands as it does, what has been switched off since when, and
 * every restart of ours from its write to its end. It hears of each write as it is stored.
 */
import type { KubeObject } from '../../../runtime/kube.ts';
import {
  ConfigMaps,
  Namespaces,
  PodDisruptionBudgets,
  Pods,
  StatefulSets,
} from '../../../runtime/resources.ts';
import type { Change } from '../store.ts';
import { controllerOf, isReady, isTerminating } from '../workloads.ts';
import { groupOf, keysOf, liveIn, membersOf } from './members.ts';
import { Publications } from './publications.ts';
import { OWN, type Stage } from './stage.ts';
import {
  allUp,
  annotationOf,
  downOf,
  isRunning,
  isSettled,
  isSuspended,
  knownBy,
  nodeOf,
  podsOf,
  setOf,
  tokenOf,
} from './standing.ts';

/** A state and since when it lasts, in ms of the history. */
interface Since<T> {
  readonly value: T;
  readonly sinceMs: number;
}

export interface OurRestart {
  readonly node: string;
  readonly group: string;
  readonly kind: 'bump' | 'delete';
  readonly atMs: number;
  readonly by: string;
  readonly uids: readonly string[];
  readonly pods: readonly KubeObject[];
  /** Token of the template before and after. */
  readonly before: string | undefined;
  end: 'over' | 'defused' | undefined;
  /** The longest time for which a pod of it, not replaced yet, has been not Ready since. */
  notReadyMs: number;
}

export class Witness {
  readonly restarts: OurRestart[] = [];
  /** Our own writes, without the Lease and Events. */
  lastWriteAtMs = 0;
  lastWrite = '';
  readonly #stage: Stage;
  readonly #states = new Map<string, Since<unknown>>();
  readonly #everReady = new Set<string>();
  #live: ReadonlySet<string> = new Set();
  #existing: ReadonlySet<string> = new Set();
  readonly publications: Publications;
  /** Called at each restart of ours, as the world is at that moment. */
  onRestart: (restart: OurRestart) => void = () => undefined;
  /** Called when a pod is replaced because of a bump of ours. */
  onReplacement: (restart: OurRestart) => void = () => undefined;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.publications = new Publications(stage);
    stage.server.store.onChange((change) => this.#hear(change));
  }

  /** For how long that has held, in ms; 0 if it does not hold now. */
  heldForMs(name: string, isWanted: (value: unknown) => boolean): number {
    const state = this.#states.get(name);
    return state && isWanted(state.value) ? this.#nowMs - state.sinceMs : 0;
  }

  valueOf = (name: string): unknown => this.#states.get(name)?.value;
  groupOf = (key: string): string => groupOf(this.#stage, key);
  downForMs = (key: string): number => this.heldForMs(`down ${key}`, (why) => why !== undefined);
  downWhy = (key: string): unknown => this.#states.get(`down ${key}`)?.value;
  upForMs = (key: string): number => this.heldForMs(`up ${key}`, (value) => value === true);
  /** True once any pod of the StellarNode has been Ready. */
  wasReady = (key: string): boolean => this.#everReady.has(nodeUid(this.#stage, key));

  /** Since when each member exists, and since when it is a live peer: suspended ones are none, though they may run. */
  #noteMembers(): void {
    const keys = keysOf(this.#stage.plan);
    const live = this.#noteLive(keys);
    const existing = new Set<string>();
    for (const key of keys) {
      const isActive = !isSuspended(nodeOf(this.#stage.server.store, key));
      for (const { digest } of membersOf(this.#stage, key)) {
        existing.add(digest);
        this.#set(`peer ${digest}`, isActive && live.has(digest));
      }
    }
    for (const digest of this.#existing) {
      if (existing.has(digest)) continue;
      this.#set(`exists ${digest}`, false);
      this.#set(`peer ${digest}`, false);
    }
    for (const digest of existing) this.#set(`exists ${digest}`, true);
    this.#existing = existing;
  }

  get #nowMs(): number {
    return this.#stage.time.monotonicMs();
  }

  #hear(change: Change): void {
    const { resource, former, next, by } = change;
    const ours = this.#stage.isOurs(by);
    if (ours && resource.kind !== 'Lease' && resource.kind !== 'Event') {
      this.lastWriteAtMs = this.#nowMs;
      this.lastWrite = `${by} wrote ${resource.kind} ${(next ?? former)?.metadata.name}`;
    }
    const key = keyOf(change);
    // A restart is judged by the states before it.
    if (ours && resource.kind === StatefulSets.kind && former && next) this.#bump(former, next, by);
    if (ours && resource.kind === Pods.kind && former && !isTerminating(former)) this.#deletion(former, by);
    if (resource.kind === Pods.kind && former) this.#followPod(former, next, by);
    if (key !== undefined) this.#note(key);
    if (resource.kind === ConfigMaps.kind) this.publications.note();
    if (SWITCHES.has(resource.kind)) this.#noteSwitches();
    if (MEMBERS.has(resource.kind)) this.#noteMembers();
    for (const restart of this.restarts) if (!restart.end) this.#end(restart);
  }

  /** Since when each member runs. */
  #noteLive(keys: readonly string[]): ReadonlySet<string> {
    const groups = new Set(keys.map((key) => groupOf(this.#stage, key)));
    const live = new Set([...groups].flatMap((group) => [...liveIn(this.#stage, group)]));
    for (const digest of this.#live) if (!live.has(digest)) this.#set(`live ${digest}`, false);
    for (const digest of live) this.#set(`live ${digest}`, true);
    this.#live = live;
    return live;
  }

  #set(name: string, value: unknown): void {
    if (this.#states.has(name) && this.#states.get(name)?.value === value) return;
    this.#states.set(name, { value, sinceMs: this.#nowMs });
  }

  #note(key: string): void {
    const { store } = this.#stage.server;
    const node = nodeOf(store, key);
    if (!node) {
      for (const name of ['down', 'up', 'rollout', 'budget', 'update']) this.#states.delete(`${name} ${key}`);
      return;
    }
    const up = allUp(store, key) && podsOf(store, key).length > 0;
    if (up) this.#everReady.add(node.metadata.uid ?? '');
    this.#set(`down ${key}`, downOf(store, key));
    this.#set(`up ${key}`, up);
    this.#set(`rollout ${key}`, annotationOf(node, 'stellar.org/peer-rollout'));
    this.#set(`budget ${key}`, annotationOf(node, 'stellar.org/peer-budget'));
    const set = setOf(store, key);
    this.#set(
      `update ${key}`,
      set && JSON.stringify((set.spec as { updateStrategy: unknown }).updateStrategy),
    );
  }

  #noteSwitches(): void {
    const { store } = this.#stage.server;
    const own = store.get({ resource: ConfigMaps, namespace: OWN, name: OWN });
    this.#set('switch all', own ? annotationOf(own, 'stellar.org/peer-rollout') : 'missing');
    for (const { metadata } of store.all(Namespaces)) {
      this.#set(`switch ${metadata.name}`, metadata.annotations?.['stellar.org/peer-rollout']);
      const budget = { resource: PodDisruptionBudgets, namespace: metadata.name, name: 'by-hand' };
      this.#set(`pdb ${metadata.name}`, store.get(budget) !== undefined);
    }
  }

  #bump(former: KubeObject, next: KubeObject, by: string): void {
    const [before, after] = [tokenOf(former), tokenOf(next)];
    if (before === after) return;
    const key = `${next.metadata.namespace}/${next.metadata.name}`;
    const open = this.restarts.find((each) => each.node === key && each.kind === 'bump' && !each.end);
    if (open && open.before === after) {
      open.end = 'defused';
      this.#stage.say(`* ${by} takes the bump of ${key} back`);
      return;
    }
    this.#begin({ node: key, kind: 'bump', by, pods: podsOf(this.#stage.server.store, key), before });
  }

  #deletion(pod: KubeObject, by: string): void {
    const key = `${pod.metadata.namespace}/${controllerOf(pod)?.name}`;
    this.#begin({ node: key, kind: 'delete', by, pods: [pod], before: undefined });
  }

  #followPod(former: KubeObject, next: KubeObject | undefined, by: string): void {
    const uid = former.metadata.uid ?? '';
    const restart = this.restarts.find(
      (each) => each.kind === 'bump' && !each.end && each.uids.includes(uid),
    );
    if (restart && !isReady(former)) {
      const sinceMs = Math.max(restart.atMs, this.#states.get(`ready ${uid}`)?.sinceMs ?? 0);
      restart.notReadyMs = Math.max(restart.notReadyMs, this.#nowMs - sinceMs);
    }
    if (next) this.#set(`ready ${uid}`, isReady(next));
    if (restart && by === SET_CONTROLLER && !isTerminating(former)) this.onReplacement(restart);
  }

  #begin(begun: Pick<OurRestart, 'node' | 'kind' | 'by' | 'pods' | 'before'>): void {
    const group = groupOf(this.#stage, begun.node);
    const uids = begun.pods.map(({ metadata }) => metadata.uid ?? '');
    const restart: OurRestart = { ...begun, group, uids, atMs: this.#nowMs, end: undefined, notReadyMs: 0 };
    this.#stage.say(`* ${begun.by} restarts ${begun.node} by ${begun.kind}`);
    this.onRestart(restart);
    this.restarts.push(restart);
    if (restart.kind === 'bump') this.#stage.atNextBump.get(restart.node)?.();
    this.#stage.atNextBump.delete(restart.node);
  }

  #end(restart: OurRestart): void {
    const { store } = this.#stage.server;
    const set = setOf(store, restart.node);
    const pods = podsOf(store, restart.node);
    const replaced = !pods.some(({ metadata }) => restart.uids.includes(metadata.uid ?? ''));
    const isOver = () =>
      restart.kind === 'bump'
        ? set !== undefined && isSettled(set) && allUp(store, restart.node)
        : restart.pods.every(({ metadata }) => {
            const next = pods.find((pod) => pod.metadata.name === metadata.name);
            return next ? isRunning(next) || knownBy(next) === undefined : isUnwanted(set, metadata.name);
          });
    if (!set || (replaced && isOver())) {
      restart.end = 'over';
      this.#stage.say(`* the restart of ${restart.node} is over`);
    }
  }

  /** Digests of the members of a validator's group that run now. */
  liveFor = (key: string): Set<string> => liveIn(this.#stage, groupOf(this.#stage, key));

  /** All StellarNodes of the same group that are there, itself left out. */
  othersOf(key: string): string[] {
    const group = groupOf(this.#stage, key);
    return keysOf(this.#stage.plan).filter(
      (other) =>
        other !== key && groupOf(this.#stage, other) === group && nodeOf(this.#stage.server.store, other),
    );
  }
}

const SET_CONTROLLER = 'statefulset-controller';
const MEMBERS = new Set<string>(['StellarNode', Pods.kind, StatefulSets.kind]);
const SWITCHES = new Set<string>([ConfigMaps.kind, Namespaces.kind, PodDisruptionBudgets.kind]);

const nodeUid = (stage: Stage, key: string): string => nodeOf(stage.server.store, key)?.metadata.uid ?? '';

function isUnwanted(set: KubeObject | undefined, pod: string): boolean {
  const replicas = Number((set?.spec as { replicas?: number } | undefined)?.replicas ?? 0);
  return Number(/-(\d+)$/.exec(pod)?.[1] ?? 0) >= replicas;
}

/** The StellarNode that a change concerns. */
function keyOf({ resource, former, next }: Change): string | undefined {
  const object = next ?? former;
  if (!object) return undefined;
  const { namespace, name } = object.metadata;
  if (resource.kind === 'StellarNode' || resource.kind === StatefulSets.kind) return `${namespace}/${name}`;
  return resource.kind === Pods.kind ? `${namespace}/${controllerOf(object)?.name}` : undefined;
}
