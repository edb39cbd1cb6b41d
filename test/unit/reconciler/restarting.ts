/**
 * A network of validators on an API server in memory, with the leader's restart executor and restart queue.
 */
import { type Discovery, discover } from '../../../peers/discovery/discover.ts';
import { readConfigMap } from '../../../peers/read/cluster.ts';
import type { Reason } from '../../../peers/reasons/reasons.ts';
import type { World } from '../../../peers/world.ts';
import { JournalStore } from '../../../reconciler/apply/journal-store.ts';
import { liveReads } from '../../../reconciler/apply/live-reads.ts';
import { RestartExecutor } from '../../../reconciler/apply/restart-executor.ts';
import { RestartQueue } from '../../../reconciler/apply/restart-queue.ts';
import { Reverter } from '../../../reconciler/apply/revert.ts';
import { type JournalEntry, readJournal } from '../../../reconciler/plan/journal/journal.ts';
import { liveDigests } from '../../../reconciler/plan/restarts/liveness.ts';
import { planRollout, type Restart, type RolloutInput } from '../../../reconciler/plan/restarts/rollout.ts';
import { NO_SETBACKS, type SetbackLookup, Setbacks } from '../../../reconciler/plan/restarts/setbacks.ts';
import type { PlanningMemory } from '../../../reconciler/planning-memory.ts';
import { Reporter } from '../../../reconciler/report/reporter.ts';
import { readWorldLive } from '../../../runtime/kube/live-read.ts';
import type { KubeObject, PatchOperation } from '../../../runtime/kube/port.ts';
import * as kinds from '../../../runtime/kube/resources.ts';
import { Metrics } from '../../../runtime/metrics.ts';
import { CapturedLog } from '../stand-ins/captured-log.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { MemoryKube } from '../stand-ins/memory-kube.ts';
import { type Parts, pod, worldWith } from '../world.ts';
import { DISCOVERY, type Extra, JOINED, NOW_MS, networkParts, SETTINGS, type Spec, stamp } from './group.ts';

const OWN = 'stellar-peers';
const SCOPE = { ownNamespace: OWN, watchNamespaces: [] };

function seed(kube: MemoryKube, { journal, webhook, ...parts }: Parts): void {
  const of = (raws: Parts['nodes']) => (raws ?? []) as unknown as KubeObject[];
  kube.seed(kinds.StellarNodes, of(parts.nodes));
  kube.seed(kinds.StatefulSets, of(parts.statefulSets));
  kube.seed(kinds.Pods, of(parts.pods));
  kube.seed(kinds.PodDisruptionBudgets, of(parts.pdbs));
  kube.seed(kinds.Namespaces, of(parts.namespaces));
  kube.seed(kinds.ConfigMaps, of(parts.configMaps));
  kube.seed(kinds.MutatingWebhookConfigurations, of(webhook ? [webhook] : []));
  const metadata = { name: 'stellar-peers-restarts', namespace: OWN };
  if (journal) kube.seed(kinds.ConfigMaps, [{ metadata, data: journal }]);
}

export const statefulSetRef = (name: string) => ({
  resource: kinds.StatefulSets,
  namespace: 'stellar',
  name,
});
export const podRef = (name: string) => ({ resource: kinds.Pods, namespace: 'stellar', name: `${name}-0` });
export const namespaceRef = { resource: kinds.Namespaces, name: 'stellar' };

export { JOINED };

export class Restarting {
  readonly kube = new MemoryKube();
  readonly clock = new ManualClock(NOW_MS);
  readonly log = new CapturedLog();
  readonly metrics = new Metrics();
  readonly journal = new JournalStore({ kube: this.kube, clock: this.clock, namespace: OWN });
  /** Why the webhook would not answer, and whether this replica still leads, as each is asked. */
  unanswered: Reason | undefined;
  mayWrite: () => boolean = () => true;
  /** The setbacks of the restart queue that was made last. */
  setbacks: SetbackLookup = NO_SETBACKS;
  /** Makes the input of plans from live reads. */
  memory: Pick<PlanningMemory, 'inputFor'> = this;
  /** As the caches have it. */
  #known: World = worldWith({});
  /** Namespaces of further networks. */
  readonly networks: string[] = [];
  /** True where live reads may take a bounded time, and are tried again. */
  hasTimedReads = false;

  constructor(specs: Readonly<Record<string, Spec>> = JOINED, extra: Extra = {}) {
    seed(this.kube, networkParts(specs, extra));
  }

  #writing() {
    const discoverNow = (world: World) => discover(world, DISCOVERY);
    const { kube, clock, log, journal } = this;
    return {
      ...{ kube, clock, log, journal },
      readLive: liveReads({
        ...{ kube, scope: SCOPE, known: () => ({ world: this.#known, discovery: discoverNow(this.#known) }) },
        ...(this.hasTimedReads && { clock: this.clock }),
      }),
      discover: discoverNow,
      memory: { inputFor: (live: World, found: Discovery) => this.memory.inputFor(live, found) },
      mayWrite: () => this.mayWrite(),
    };
  }

  restarter(): RestartExecutor {
    return new RestartExecutor({ ...this.#writing(), probe: async () => this.unanswered });
  }

  reverter(): Reverter {
    return new Reverter(this.#writing());
  }

  lane(onDone: () => void = () => undefined): RestartQueue {
    const setbacks = new Setbacks(this.clock);
    this.setbacks = setbacks;
    const { kube, clock, log, metrics, journal } = this;
    const reporter = new Reporter({ kube, clock, log, metrics, instance: 'replica-1' });
    const restarter = this.restarter();
    return new RestartQueue({
      clock,
      log,
      metrics,
      journal,
      restarter,
      reverter: this.reverter(),
      reporter,
      readLive: this.#writing().readLive,
      setbacks,
      wake: { notify: onDone },
    });
  }

  async world(): Promise<World> {
    this.#known = (await readWorldLive(this.kube, SCOPE)).world;
    return this.#known;
  }

  readonly inputFor = (read: World, discovery = discover(read, DISCOVERY)): RolloutInput => {
    const world = { ...read, journal: this.journal.withoutWithdrawn(read.journal) };
    // As the leader remembers it of its caches.
    const live = liveDigests(this.#known, discover(this.#known, DISCOVERY));
    return {
      world,
      discovery,
      settings: SETTINGS,
      setbacks: this.setbacks,
      nowMs: this.clock.nowMs(),
      quiet: () => ({ quietMs: 3_600_000, changingMs: 0 }),
      readyForMs: ({ readyChangedAtMs = 0 }) => this.clock.nowMs() - readyChangedAtMs,
      downForMs: () => Number.POSITIVE_INFINITY,
      liveness: { isLive: (digest) => live.has(digest), wasLive: (digest) => live.has(digest) },
      listedSinceMs: () => Number.POSITIVE_INFINITY,
    };
  };

  /** The restart that is planned by the leader's caches, which are up to date here. */
  async plans() {
    const world = await this.world();
    const input = this.inputFor(world);
    return { world, input, plans: planRollout(input) };
  }

  /** Offers the plans of the present caches to the queue, and waits until the queue is idle. */
  async offer(
    lane: RestartQueue,
    caches?: { readonly input: RolloutInput; readonly plans: ReturnType<typeof planRollout> },
  ) {
    const { input, plans } = caches ?? (await this.plans());
    lane.offer(plans, input);
    await lane.idle();
  }

  async wanted(): Promise<Restart> {
    const { plans } = await this.plans();
    const [restart] = [...plans.values()].flatMap((plan) => plan.restart ?? []);
    if (!restart) throw new Error('nothing is to be restarted');
    return restart;
  }

  /** Seeds another network, in a namespace of its own, that lacks the peers that the first one lacks. */
  addNetwork(namespace: string, specs: Readonly<Record<string, Spec>> = JOINED): void {
    const spec = { network: 'custom', customNetworkPassphrase: namespace };
    const own = Object.entries(specs).map(([name, each]) => [name, { ...each, node: { spec } }] as const);
    const { webhook: _, configMaps = [], ...parts } = networkParts(Object.fromEntries(own));
    const moved = JSON.stringify({ ...parts, configMaps }).replaceAll('"stellar"', JSON.stringify(namespace));
    const there: Parts = JSON.parse(moved);
    const maps = there.configMaps?.filter(({ metadata }) => metadata.namespace === namespace) ?? [];
    seed(this.kube, { ...there, configMaps: maps });
    this.networks.push(namespace);
  }

  /** All entries of the journal, group by group. */
  entries(): JournalEntry[] {
    const facts = readConfigMap(this.kube.observe(this.journal.ref) ?? {});
    return Object.keys(facts.data).flatMap((group) => readJournal(facts, group) ?? []);
  }

  /** How each entry of the journal ended, as `name: outcome`. */
  outcomes(): string[] {
    return this.entries().map(({ statefulSet, outcome = 'open' }) => `${statefulSet}: ${outcome}`);
  }

  /** Tokens on the templates, by StatefulSet; what was never restarted does not appear. */
  tokens(): Record<string, string> {
    const tokens: Record<string, string> = {};
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) {
      const { template } = (this.kube.observe(statefulSetRef(name))?.spec ?? {}) as {
        template?: { metadata?: { annotations?: Record<string, string> } };
      };
      const token = template?.metadata?.annotations?.['stellar.org/peer-restart'];
      if (token !== undefined) tokens[name] = token;
    }
    return tokens;
  }

  async change(ref: kinds.ObjectRef, ...operations: PatchOperation[]): Promise<void> {
    await this.kube.patch(ref, operations);
  }

  /** Does `action` once, just before the API server serves the first request that matches. */
  before(request: RegExp, action: () => Promise<unknown>): void {
    this.kube.intercept = async (sent) => {
      if (!request.test(sent)) return;
      this.kube.intercept = () => undefined;
      await action();
    };
  }

  /** Replaces the pod of a validator by a pod with the same name that knows all peers. */
  async recreate(name: string, options: Parameters<typeof pod>[1] = {}): Promise<void> {
    const ref = podRef(name);
    await this.kube.delete(ref);
    const annotations = stamp(Object.keys(JOINED).filter((other) => other !== name));
    const raw = pod(name, { uid: `next-${name}`, annotations, ...options });
    this.kube.seed(ref.resource, [raw as unknown as KubeObject]);
  }
}
