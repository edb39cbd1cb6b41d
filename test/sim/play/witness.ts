/**
 * The independent witness of a history. It sees each write as it is stored, and records since when each validator has its
 * state, and since when switches are set. It also feeds the records of our restarts and of publications.
 */
import type { KubeObject } from '../../../runtime/kube/port.ts';
import {
  ConfigMaps,
  Namespaces,
  PodDisruptionBudgets,
  Pods,
  StatefulSets,
} from '../../../runtime/kube/resources.ts';
import { fieldsAt } from '../frozen.ts';
import type { Change } from '../store.ts';
import { controllerOf, isReady } from '../workloads.ts';
import { Cores } from './cores.ts';
import { ROLL_FOR } from './links.ts';
import { groupOf, keysOf, liveIn, membersOf } from './members.ts';
import { type OurRestart, OurRestarts } from './our-restarts.ts';
import { Publications } from './publications.ts';
import { OWN, type Stage } from './stage.ts';
import {
  allUp,
  annotationOf,
  downOf,
  initializedAt,
  isSuspended,
  isUnplaced,
  nodeOf,
  podsOf,
  setOf,
  startedAtMs,
} from './standing.ts';
import { notInjectedBecause } from './successor.ts';

/** A state, and since when it has lasted, in ms of the history. */
interface Since<T> {
  readonly value: T;
  readonly sinceMs: number;
}

export class Witness {
  /** The time of our last write, other than to the Lease and of Events. */
  lastWriteAtMs = 0;
  lastWrite = '';
  readonly #stage: Stage;
  readonly #states = new Map<string, Since<unknown>>();
  #live: ReadonlySet<string> = new Set();
  #existing: ReadonlySet<string> = new Set();
  readonly publications: Publications;
  /** The answers of the validators' HTTP ports. */
  readonly cores: Cores;
  readonly #ours: OurRestarts;
  /** When the main container of a pod was last started, by its UID: wall ms by the true clock. */
  readonly #started = new Map<string, number>();
  /** When all containers of a pod, the init containers too, were last started: wall ms by the true clock. */
  readonly #rebooted = new Map<string, number>();
  constructor(stage: Stage) {
    this.#stage = stage;
    this.publications = new Publications(stage);
    this.cores = new Cores(stage);
    stage.ports = this.cores;
    this.#ours = new OurRestarts(stage);
    stage.server.store.onChange((change) => this.#hear(change));
  }

  /** Our restarts, the oldest first. */
  get restarts(): readonly OurRestart[] {
    return this.#ours.restarts;
  }

  /** Called at each restart of ours, as the world is at that moment. */
  set onRestart(listener: (restart: OurRestart) => void) {
    this.#ours.onRestart = listener;
  }

  /** Called when a pod is replaced because of a bump of ours. */
  set onReplacement(listener: (restart: OurRestart) => void) {
    this.#ours.onReplacement = listener;
  }

  isUntouched = (restart: OurRestart): boolean => this.#ours.isUntouched(restart);

  /** For how long the named state has had a wanted value, in ms; 0 if it has another value now. */
  heldForMs(name: string, isWanted: (value: unknown) => boolean): number {
    const state = this.#states.get(name);
    return state && isWanted(state.value) ? this.#nowMs - state.sinceMs : 0;
  }

  valueOf = (name: string): unknown => this.#states.get(name)?.value;
  groupOf = (key: string): string => groupOf(this.#stage, key);
  downForMs = (key: string): number => this.heldForMs(`down ${key}`, (why) => why !== undefined);
  downWhy = (key: string): unknown => this.#states.get(`down ${key}`)?.value;
  /** When the pod was started by the true clock, which may differ from its kubelet's; 0 if it was not started. */
  startedAtMs = ({ metadata }: KubeObject): number => this.#started.get(metadata.uid ?? '') ?? 0;
  /** When all containers of the pod were last started, so that it has read its files; 0 if never. */
  rebootedAtMs = ({ metadata }: KubeObject): number => this.#rebooted.get(metadata.uid ?? '') ?? 0;
  notReadyForMs = ({ metadata }: KubeObject): number =>
    this.heldForMs(`ready ${metadata.uid}`, (value) => value === false);
  upForMs = (key: string): number => this.heldForMs(`up ${key}`, (value) => value === true);

  /** Notes which members exist, and which are live peers. Suspended members are no peers, although they may run. */
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
    if (ours && resource.kind !== 'Lease' && resource.kind !== 'Event' && !this.#isOfPorts(change)) {
      this.lastWriteAtMs = this.#nowMs;
      this.lastWrite = `${by} wrote ${resource.kind} ${(next ?? former)?.metadata.name}`;
    }
    const key = keyOf(change);
    // Check a restart by the states before it.
    this.#ours.hear(change);
    if (resource.kind === Pods.kind && former && next && startedAtMs(next) !== startedAtMs(former)) {
      this.#started.set(former.metadata.uid ?? '', this.#stage.time.nowMs());
    }
    if (resource.kind === Pods.kind && next) this.#set(`ready ${next.metadata.uid}`, isReady(next));
    if (key !== undefined) this.#note(key);
    if (resource.kind === Pods.kind && former && next && initializedAt(next) !== initializedAt(former))
      this.#rebooted.set(former.metadata.uid ?? '', this.#stage.time.nowMs());
    if (resource.kind === ConfigMaps.kind) this.publications.note();
    if (SWITCHES.has(resource.kind)) this.#noteSwitches();
    if (INJECTS.has(resource.kind)) for (const each of keysOf(this.#stage.plan)) this.#noteSuccessor(each);
    if (MEMBERS.has(resource.kind)) this.#noteMembers();
    this.#ours.endThoseOver();
  }

  /** True for a write about the answers of ports, which goes on for minutes after the last change. */
  #isOfPorts({ resource, next }: Change): boolean {
    const isOpen = this.#stage.plan.nodes.some(({ port }) => port !== undefined);
    return (
      isOpen &&
      resource.kind === ConfigMaps.kind &&
      next?.metadata.namespace === OWN &&
      next.metadata.name === OWN
    );
  }

  /** Notes which members run. */
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
    this.#set(`here ${key}`, node !== undefined);
    if (!node) {
      for (const name of ['down', 'up', 'unplaced', 'bare', 'rollout', 'rules', 'budget', 'update'])
        this.#states.delete(`${name} ${key}`);
      return;
    }
    const up = allUp(store, key) && podsOf(store, key).length > 0;
    this.#set(`down ${key}`, downOf(store, key));
    this.#set(`up ${key}`, up);
    this.#set(`unplaced ${key}`, isUnplaced(store, key));
    this.#noteSuccessor(key);
    this.#set(`rollout ${key}`, annotationOf(node, 'stellar.org/peer-rollout'));
    this.#set(`rules ${key}`, `rules: ${annotationOf(node, ROLL_FOR) ?? ''}`);
    this.#set(`budget ${key}`, annotationOf(node, 'stellar.org/peer-budget'));
    const set = setOf(store, key);
    this.#set(
      `update ${key}`,
      set && JSON.stringify((set.spec as { updateStrategy: unknown }).updateStrategy),
    );
  }

  /** Notes why the next pod would not be injected. */
  #noteSuccessor(key: string): void {
    this.#set(`bare ${key}`, notInjectedBecause(this.#stage, key));
  }

  #noteSwitches(): void {
    const { store } = this.#stage.server;
    const own = store.get({ resource: ConfigMaps, namespace: OWN, name: OWN });
    this.#set('switch all', own ? annotationOf(own, 'stellar.org/peer-rollout') : 'missing');
    for (const { metadata } of store.all(Namespaces)) {
      this.#set(`switch ${metadata.name}`, metadata.annotations?.['stellar.org/peer-rollout']);
      const budget = { resource: PodDisruptionBudgets, namespace: metadata.name, name: 'by-hand' };
      this.#set(`pdb ${metadata.name}`, allowsNone(store.get(budget)));
    }
  }

  /** Digests of the running members of a validator's group. */
  liveFor = (key: string): Set<string> => liveIn(this.#stage, groupOf(this.#stage, key));

  /** For how long the StellarNode has not existed, in ms; Infinity if it never existed. */
  goneForMs = (key: string): number => {
    if (nodeOf(this.#stage.server.store, key)) return 0;
    return this.#states.has(`here ${key}`)
      ? this.heldForMs(`here ${key}`, (value) => value === false)
      : Number.POSITIVE_INFINITY;
  };

  /** All existing StellarNodes of a network of the plan. */
  ofNetwork(network: number): string[] {
    const { plan, server } = this.#stage;
    return plan.nodes
      .filter((node) => node.network === network)
      .map(({ namespace, name }) => `${namespace}/${name}`)
      .filter((key) => nodeOf(server.store, key));
  }

  /** All other existing StellarNodes of the same group. */
  othersOf(key: string): string[] {
    const group = groupOf(this.#stage, key);
    return keysOf(this.#stage.plan).filter(
      (other) =>
        other !== key && groupOf(this.#stage, other) === group && nodeOf(this.#stage.server.store, other),
    );
  }
}

const MEMBERS = new Set<string>(['StellarNode', Pods.kind, StatefulSets.kind]);
const INJECTS = new Set<string>(['MutatingWebhookConfiguration', Namespaces.kind]);
const SWITCHES = new Set<string>([ConfigMaps.kind, Namespaces.kind, PodDisruptionBudgets.kind]);

/** The StellarNode that a change concerns. */
function keyOf({ resource, former, next }: Change): string | undefined {
  const object = next ?? former;
  if (!object) return undefined;
  const { namespace, name } = object.metadata;
  if (resource.kind === 'StellarNode' || resource.kind === StatefulSets.kind) return `${namespace}/${name}`;
  return resource.kind === Pods.kind ? `${namespace}/${controllerOf(object)?.name}` : undefined;
}

/** True if a budget allows no disruption. A budget of all pods does so for a moment while a validator is scaled to zero. */
const allowsNone = (budget: KubeObject | undefined): boolean =>
  budget !== undefined && !(Number(fieldsAt(budget.status).disruptionsAllowed) >= 1);
