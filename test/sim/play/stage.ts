/**
 * The cluster of one history: the simulated server with its controllers and kubelet, the operator, and two replicas of
 * ours, which may be killed and started again.
 */

import { readSettings, type Settings } from '../../../app/settings.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { CoreClient } from '../../../runtime/core-client.ts';
import {
  MutatingWebhookConfigurations,
  Namespaces,
  Pods,
  StellarNodes,
} from '../../../runtime/kube/resources.ts';
import { ServerTime } from '../../../runtime/kube/server-time.ts';
import type { Log } from '../../../runtime/log.ts';
import { SimServer } from '../api-server.ts';
import { DisruptionController } from '../disruption-controller.ts';
import { GarbageCollector } from '../garbage-collector.ts';
import { Kubelet } from '../kubelet.ts';
import { Process } from '../process.ts';
import { Random } from '../random.ts';
import { StatefulSetController } from '../statefulset-controller.ts';
import { SimTime } from '../time.ts';
import { Crashes } from './crashes.ts';
import { NAMESPACES } from './deeds.ts';
import { Weather } from './faults.ts';
import { readyMsOf, skewOf, stellarNode, WEBHOOK } from './objects.ts';
import { Operator } from './operator.ts';
import type { Plan } from './plan.ts';
import { Policies } from './policies.ts';
import { Replica } from './replica.ts';
import { sidecarState, withSidecar } from './sidecars.ts';

const START_MS = Date.UTC(2026, 10, 23, 12);
export const OWN = 'stellar-peers';
const REPLICA_NAME = /^replica-/;
const HEALED_MS = 1_000;

interface Seat {
  readonly process: Process;
  readonly replica: Replica;
  readonly weather: Weather;
}

interface Ports {
  client(clock: Clock): CoreClient | undefined;
  calm(): void;
}

export interface StageOptions {
  /** True for a broken build that publishes but never restarts a validator. */
  readonly neverRestarts?: boolean;
  readonly log?: (line: string) => void;
}

export class Stage {
  readonly plan: Plan;
  readonly random: Random;
  readonly time = new SimTime(START_MS);
  readonly server: SimServer;
  readonly kubelet: Kubelet;
  readonly operator: Operator;
  readonly controller: StatefulSetController;
  readonly policies: Policies;
  /** The validators' HTTP ports. */
  ports: Ports | undefined;
  /** Actions to run once, when we bump the validator of this name, or with the name `*` any validator. */
  readonly atNextBump = new Map<string, (node: string) => unknown>();
  readonly #options: StageOptions;
  readonly #seats: Seat[] = [];
  readonly #settingsOf = new Map<string, Settings>();
  #settings: Settings;
  #started = 0;
  #webhookDownUntilMs = 0;
  readonly #crashes: Crashes;
  /** True once pods that would never become Ready do. */
  #isHealed = false;
  #isCalm = false;

  constructor(plan: Plan, options: StageOptions = {}) {
    this.plan = plan;
    this.#options = options;
    this.random = new Random(plan.seed).fork('stage');
    const { time, random } = this;
    this.#settings = readSettings({ ...plan.settings });
    this.server = new SimServer({ time, random: random.fork('server') });
    const controllers = random.fork('controllers');
    const edges = { server: this.server, time, reactMs: () => controllers.int(1, 60) };
    this.controller = new StatefulSetController({ ...edges, isOld: plan.isOldKubernetes ?? false });
    new DisruptionController(edges);
    new GarbageCollector(edges);
    this.kubelet = new Kubelet({
      server: this.server,
      time,
      scheduleMs: () => controllers.int(5, 300),
      startMs: () => controllers.int(50, 1_500),
      readyMs: (pod) => readyMsOf(pod, plan) ?? (this.#isHealed ? HEALED_MS : Number.POSITIVE_INFINITY),
      terminateMs: () => controllers.int(100, 3_000),
      machines: plan.machines ?? Number.POSITIVE_INFINITY,
      skewMs: (pod) => skewOf(pod, plan.kubeletSkewsMs ?? []),
      sidecar: (pod, startedAt) => sidecarState(pod, startedAt, plan),
    });
    this.#crashes = new Crashes(this);
    this.policies = new Policies({ server: this.server, time, nodes: plan.nodes, isOurs: this.isOurs });
    this.operator = new Operator({ server: this.server, time, random: random.fork('operator') });
    this.server.admit = (review) => {
      const ready = this.#seats.filter(({ replica }) => replica.ready);
      if (!this.#isWebhookUp() || ready.length === 0) return Promise.reject(new Error('connection refused'));
      const { replica } = controllers.pick(ready);
      return replica.admit(review).then((patch) => withSidecar(review.request.object, patch, plan));
    };
  }

  get settings(): Settings {
    return this.#settings;
  }

  /** The settings of a process of ours. */
  settingsOf = (by: string): Settings => this.#settingsOf.get(by) ?? this.#settings;

  #isWebhookUp = (): boolean => this.time.monotonicMs() >= this.#webhookDownUntilMs;
  /** True for the name of a process of ours. */
  isOurs = (by: string): boolean => REPLICA_NAME.test(by);

  get leader(): Replica | undefined {
    return this.#seats.find(({ replica }) => replica.leads)?.replica;
  }

  say(line: string): void {
    this.#options.log?.(`${(this.time.monotonicMs() / 1000).toFixed(2).padStart(8)} s  ${line}`);
  }

  /** Creates namespaces, the webhook configuration and the founders, and then starts our replicas. */
  async open(): Promise<void> {
    const { admin } = this.server;
    for (const name of [OWN, ...NAMESPACES]) await admin.create(Namespaces, { metadata: { name } });
    await admin.create(MutatingWebhookConfigurations, WEBHOOK);
    for (const seat of [0, 1]) this.seat(seat);
    for (let index = 0; index < this.plan.founders; index += 1) await this.join(index);
    const bookmark = () => {
      this.server.bookmark();
      this.time.schedule(50_000, bookmark);
    };
    bookmark();
    this.#cutLater(this.random.fork('cuts'));
  }

  /** Starts a new process in that seat, in place of the former one. */
  seat(index: number): void {
    this.#started += 1;
    const process = new Process(`replica-${this.#started}`);
    const random = this.random.fork(process.name);
    const settings = this.#settings;
    this.#settingsOf.set(process.name, settings);
    const timeoutMs = settings.requestTimeoutSeconds * 1000;
    const serverTime = new ServerTime(this.time.clock(process, random.fork('clock')));
    const weather = new Weather({
      rates: this.plan.rates,
      random: random.fork('weather'),
      timeoutMs,
      onDate: (dateMs, tookMs) => serverTime.note(dateMs, tookMs),
    });
    if (this.#isCalm) weather.calm();
    const replica = new Replica({
      process,
      kube: this.server.client(process, weather),
      clock: serverTime.clock,
      onClockCorrection: (listener) => serverTime.onCorrection(listener),
      log: this.#logOf(process.name),
      settings,
      core: this.ports?.client(serverTime.clock),
      isAnswered: () => this.#isWebhookUp() && this.#seats.some((seat) => seat.replica.ready),
      neverRestarts: this.#options.neverRestarts ?? false,
    });
    this.#seats[index] = { process, replica, weather };
    replica.start();
  }

  seatOf(index: number): Seat {
    const seat = this.#seats[index];
    if (!seat) throw new Error(`no replica sits at ${index}`);
    return seat;
  }

  /** Kills the process in that seat. Another one takes the seat later. */
  kill(index: number, backInMs = 5_000): void {
    const { process } = this.seatOf(index);
    process.kill();
    this.server.cutWatches(process);
    this.time.schedule(backInMs, () => {
      if (this.seatOf(index).process === process) this.seat(index);
    });
  }

  /** Replaces all replicas, one after the other, by replicas with these additional settings. */
  release(settings: Readonly<Record<string, string>>): void {
    this.#settings = readSettings({ ...this.plan.settings, ...settings });
    for (const index of [0, 1]) {
      this.time.schedule(index * 4_000, () => {
        this.seatOf(index).replica.stop();
        this.kill(index, 1_000);
      });
    }
  }

  /** For this time, a replica (or both) dies a moment after each restart that it begins. */
  crashLoop(ms: number, both: boolean): void {
    this.#crashes.crashFor(ms, both);
  }

  /** Call when a restart of ours has been written. */
  began(node: string, kind: 'bump' | 'delete', by: string): void {
    for (const key of kind === 'bump' ? [node, '*'] : []) {
      const then = this.atNextBump.get(key);
      this.atNextBump.delete(key);
      then?.(node);
    }
    this.#crashes.began(by);
  }

  /** From now on, pods that would never become Ready do. */
  heal(): void {
    this.#isHealed = true;
    for (const { metadata } of this.server.store.all(Pods)) {
      this.kubelet.setReady(metadata.namespace ?? '', metadata.name, true);
    }
  }

  webhookDown(ms: number): void {
    this.#webhookDownUntilMs = this.time.monotonicMs() + ms;
  }

  /** Ends all faults. */
  calm(): void {
    this.#isCalm = true;
    this.#webhookDownUntilMs = 0;
    this.#crashes.crashFor(0, false);
    this.ports?.calm();
    this.controller.wake();
    for (const { process, weather } of this.#seats) {
      weather.calm();
      process.skewMs = 0;
      process.thaw();
    }
  }

  async join(index: number): Promise<void> {
    const node = this.plan.nodes[index];
    if (!node) return;
    await this.server.admin.create(StellarNodes, stellarNode(node, this.plan)).catch(() => undefined);
  }

  #cutLater(random: Random): void {
    const { cuts } = this.plan.rates;
    if (cuts === 0) return;
    this.time.schedule(random.int(1, 120_000 / cuts), () => {
      if (this.#isCalm) return;
      this.server.cutWatches(this.seatOf(random.int(0, 1)).process);
      this.#cutLater(random);
    });
  }

  #logOf(name: string): Log {
    const line = (level: string) => (fields: object, message: string) => {
      if (this.#options.log) this.say(`${name} ${level}: ${message} ${JSON.stringify(fields).slice(0, 300)}`);
    };
    return { debug: () => undefined, info: line('info'), warn: line('warn'), error: line('error') };
  }
}
