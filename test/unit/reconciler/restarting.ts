/**
 * A network of validators on an API server in memory, and the leader's restarter and lane over it.
 */
import { discover } from '../../../peers/discover.ts';
import { readConfigMap } from '../../../peers/read-cluster.ts';
import type { Reason } from '../../../peers/reasons.ts';
import type { World } from '../../../peers/world.ts';
import { type Entry, readJournal } from '../../../reconciler/journal.ts';
import { JournalStore } from '../../../reconciler/journal-store.ts';
import { liveDigests } from '../../../reconciler/liveness.ts';
import { Reporter } from '../../../reconciler/reporter.ts';
import { RestartLane } from '../../../reconciler/restart-lane.ts';
import { Restarter } from '../../../reconciler/restarter.ts';
import { planRollout, type Restart, type RolloutInput } from '../../../reconciler/rollout.ts';
import type { KubeObject, PatchOperation } from '../../../runtime/kube.ts';
import { readLive } from '../../../runtime/live.ts';
import { Metrics } from '../../../runtime/metrics.ts';
import * as kinds from '../../../runtime/resources.ts';
import { CapturedLog } from '../stand-ins/captured-log.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { MemoryKube } from '../stand-ins/memory-kube.ts';
import { type Parts, pod } from '../world.ts';
import { DISCOVERY, type Extra, NOW_MS, networkParts, SETTINGS, type Spec, stamp } from './group.ts';

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

/** Three validators that know each other, and a fourth that joined: `a` is to be restarted first. */
export const JOINED: Readonly<Record<string, Spec>> = {
  a: { knows: ['b', 'c'] },
  b: { knows: ['a', 'c'] },
  c: { knows: ['a', 'b'] },
  d: {},
};

export class Restarting {
  readonly kube = new MemoryKube();
  readonly clock = new ManualClock(NOW_MS);
  readonly log = new CapturedLog();
  readonly metrics = new Metrics();
  readonly journal = new JournalStore({ kube: this.kube, clock: this.clock, namespace: OWN });
  /** Why the webhook would not answer, and whether this replica still leads, as each is asked. */
  unanswered: Reason | undefined;
  mayWrite: () => boolean = () => true;

  constructor(specs: Readonly<Record<string, Spec>> = JOINED, extra: Extra = {}) {
    seed(this.kube, networkParts(specs, extra));
  }

  restarter(): Restarter {
    const { kube, clock, log, journal } = this;
    return new Restarter({
      kube,
      clock,
      log,
      journal,
      readLive: () => readLive(kube, SCOPE),
      discover: (world) => discover(world, DISCOVERY),
      probe: async () => this.unanswered,
      mayWrite: () => this.mayWrite(),
    });
  }

  lane(onDone: () => void = () => undefined): RestartLane {
    const { kube, clock, log, metrics, journal } = this;
    const reporter = new Reporter({ kube, clock, log, metrics, instance: 'replica-1' });
    const restarter = this.restarter();
    return new RestartLane({
      clock,
      log,
      metrics,
      journal,
      restarter,
      reporter,
      readLiveWorld: () => this.world(),
      onDone,
    });
  }

  async world(): Promise<World> {
    return (await readLive(this.kube, SCOPE)).world;
  }

  readonly inputFor = (world: World, discovery = discover(world, DISCOVERY)): RolloutInput => {
    const live = liveDigests(world, discovery);
    return {
      world,
      discovery,
      settings: SETTINGS,
      nowMs: this.clock.nowMs(),
      quiet: () => ({ quietMs: 3_600_000, changingMs: 0 }),
      liveness: { isLive: (digest) => live.has(digest), wasLive: (digest) => live.has(digest) },
    };
  };

  /** What the leader's caches, current now, say should be restarted. */
  async plans() {
    const world = await this.world();
    return { world, plans: planRollout(this.inputFor(world)) };
  }

  async wanted(): Promise<Restart> {
    const { plans } = await this.plans();
    const [restart] = [...plans.values()].flatMap((plan) => plan.restart ?? []);
    if (!restart) throw new Error('nothing is to be restarted');
    return restart;
  }

  /** All entries of the journal, group by group. */
  entries(): Entry[] {
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

  /** The pod of a validator is gone, and another one of its name is there, knowing everybody. */
  async recreate(name: string, options: Parameters<typeof pod>[1] = {}): Promise<void> {
    const ref = podRef(name);
    await this.kube.delete(ref);
    const annotations = stamp(Object.keys(JOINED).filter((other) => other !== name));
    const raw = pod(name, { uid: `next-${name}`, annotations, ...options });
    this.kube.seed(ref.resource, [raw as unknown as KubeObject]);
  }
}
