/** Forecasts a rollout: runs the planner again and again, as if each restart succeeded. Pure. */
import type { Group } from '../../../peers/discovery/discover.ts';
import { podsOf } from '../../../peers/discovery/pods.ts';
import { formatDigests } from '../../../peers/hash.ts';
import { readConfigMap } from '../../../peers/read/cluster.ts';
import type { Reason } from '../../../peers/reasons/reasons.ts';
import { publishedFor } from '../../../peers/views/views.ts';
import type {
  ConfigMapFacts,
  Key,
  PodFacts,
  StatefulSetFacts,
  Validator,
  World,
} from '../../../peers/world.ts';
import { entriesOfGroup } from '../journal/group-journal.ts';
import { formatJournal, type JournalEntry, openEntries, readJournal } from '../journal/journal.ts';
import { restartTakesMs } from './rate-limit.ts';
import { planGroup, type Restart, type RolloutInput } from './rollout.ts';

const DAY_MS = 86_400_000;
const HORIZON_MS = 14 * DAY_MS;
/** More turns than any forecast needs: a thousand validators take a restart and a wait each. */
const TURNS_MAX = 4_000;

interface Step {
  readonly node: Key;
  readonly kind: string;
  readonly drift: string;
  readonly beginsInMs: number;
  readonly endsInMs: number;
}

export interface Forecast {
  readonly steps: readonly Step[];
  /** StellarNodes that wait for something other than time. */
  readonly holds: ReadonlyMap<Key, Reason>;
}

/** The restarts of one group in their order, and the StellarNodes that still wait after them. */
export function forecast(group: Group, now: RolloutInput): Forecast {
  const input = withSettled(group, now);
  const steps: Step[] = [];
  let world = afterOpenRestart(group, input);
  let passedMs = world.passedMs;
  for (let turn = 0; turn < TURNS_MAX; turn += 1) {
    const plan = planGroup(group, inputAfter(input, world, passedMs));
    if (!plan.restart) {
      const waitMs = plan.recheckInMs;
      if (waitMs === undefined || passedMs + waitMs > HORIZON_MS) return { steps, holds: plan.holds };
      passedMs += Math.max(waitMs, 1);
      continue;
    }
    const ended = afterRestart(plan.restart, inputAfter(input, world, passedMs));
    const { validator, kind, drift } = plan.restart;
    const endsInMs = passedMs + ended.passedMs;
    steps.push({ node: validator.key, kind, drift, beginsInMs: passedMs, endsInMs });
    world = ended;
    passedMs = endsInMs;
  }
  return { steps, holds: new Map() };
}

/** The input with the StatefulSet of the restart that is under way as it will be after the roll. */
function withSettled(group: Group, input: RolloutInput): RolloutInput {
  const { world, discovery } = input;
  const [open] = openEntries(entriesOfGroup(world.journal, group) ?? []);
  const found = open && discovery.statefulSetOf.get(open.statefulSet);
  if (!found) return input;
  const { generation, updateRevision, replicas } = found;
  const settled: StatefulSetFacts = {
    ...found,
    observedGeneration: generation,
    currentRevision: updateRevision,
    currentReplicas: replicas,
  };
  const statefulSets = new Map(world.statefulSets).set(found.key, settled);
  const statefulSetOf = new Map(discovery.statefulSetOf).set(found.key, settled);
  return { ...input, world: { ...world, statefulSets }, discovery: { ...discovery, statefulSetOf } };
}

/** The parts of the World that a restart changes, as they are after its end. */
interface AfterEnd {
  readonly pods: ReadonlyMap<Key, PodFacts>;
  readonly journal: ConfigMapFacts | undefined;
  readonly passedMs: number;
}

const inputAfter = (input: RolloutInput, { pods, journal }: AfterEnd, passedMs: number): RolloutInput => ({
  ...input,
  world: { ...input.world, pods, journal },
  nowMs: input.nowMs + passedMs,
  quiet: (key) => {
    const quiet = input.quiet(key);
    return { ...quiet, quietMs: quiet.quietMs + passedMs };
  },
  downForMs: (pod) => input.downForMs(pod) + passedMs,
  // A renewed pod is Ready since its restart. All other pods stay Ready.
  readyForMs: (pod) =>
    input.world.pods.get(pod.key) === pod
      ? input.readyForMs(pod) + passedMs
      : input.nowMs + passedMs - (pod.readyChangedAtMs ?? 0),
});

/** A restart that is under way already is expected to take as long as others, and to succeed. */
function afterOpenRestart(group: Group, input: RolloutInput): AfterEnd {
  const { world, settings, nowMs } = input;
  const entries = entriesOfGroup(world.journal, group);
  if (!entries) return { pods: world.pods, journal: world.journal, passedMs: 0 };
  const [open] = openEntries(entries);
  const takesMs = restartTakesMs(entries, settings, nowMs);
  const passedMs = open ? Math.max(0, open.atMs + takesMs - nowMs) : 0;
  const closed = entries.map((entry) => (entry === open ? done(entry, nowMs + passedMs) : entry));
  const validator = open && group.validators.find(({ key }) => key === open.statefulSet);
  const pods = validator ? renewed(validator, input, passedMs) : world.pods;
  return { pods, journal: journalWith(world, group.key, closed, nowMs + passedMs), passedMs };
}

function afterRestart(restart: Restart, input: RolloutInput): AfterEnd {
  const { world, settings, nowMs } = input;
  const { validator, group, pods, statefulSet, kind, token, drift } = restart;
  const entries = readJournal(world.journal, group) ?? [];
  const passedMs = restartTakesMs(entries, settings, nowMs);
  const uids = pods.map(({ uid }) => uid);
  const entry = done({ statefulSet, kind, uids, token, drift, atMs: nowMs }, nowMs + passedMs);
  const journal = journalWith(world, group, [...entries, entry], nowMs + passedMs);
  return { pods: renewed(validator, input, passedMs), journal, passedMs };
}

const done = (entry: JournalEntry, endedAtMs: number): JournalEntry => ({
  ...entry,
  outcome: 'done',
  endedAtMs,
});

/** All pods, with those of the validator as they are after its restart: injected, Ready, with the published peers. */
function renewed(validator: Validator, input: RolloutInput, takesMs: number): Map<Key, PodFacts> {
  const { world, discovery, nowMs } = input;
  const pods = new Map(world.pods);
  const statefulSet = discovery.statefulSetOf.get(validator.key);
  const published = publishedFor(validator, world);
  for (const pod of podsOf(world, statefulSet)) {
    pods.set(pod.key, {
      ...pod,
      uid: `${pod.uid}'`,
      createdAtMs: nowMs,
      scheduledAtMs: nowMs,
      unschedulable: false,
      ready: true,
      readyChangedAtMs: nowMs + takesMs,
      running: true,
      deleting: false,
      injected: true,
      revision: statefulSet?.updateRevision,
      ...(published ? { peers: formatDigests(published.digests), peerHash: published.hash } : {}),
    });
  }
  return pods;
}

/** A journal with these entries of the one group only. */
function journalWith(
  world: World,
  group: string,
  entries: readonly JournalEntry[],
  nowMs: number,
): ConfigMapFacts {
  return { ...readConfigMap({}), ...world.journal, data: { [group]: formatJournal(entries, nowMs) } };
}
