/**
 * What a rollout would do from here: the planner asked again and again, each restart taken as gone well. Pure.
 */
import type { Group } from '../../../peers/discovery/discover.ts';
import { podsOf } from '../../../peers/discovery/pods.ts';
import { formatDigests } from '../../../peers/hash.ts';
import type { Reason } from '../../../peers/reasons/reasons.ts';
import { publishedView } from '../../../peers/views/views.ts';
import type { ConfigMapFacts, Key, PodFacts, Validator, World } from '../../../peers/world.ts';
import { entriesOfGroup } from '../journal/group-journal.ts';
import { formatJournal, type JournalEntry, openEntries, readJournal } from '../journal/journal.ts';
import { restartTakesMs } from './rate-limit.ts';
import { planGroup, type Restart, type RolloutInput } from './rollout.ts';

const DAY_MS = 86_400_000;
const HORIZON_MS = 14 * DAY_MS;
/** More turns than any plan needs: a restart and a wait for each of a thousand validators. */
const TURNS_MAX = 4_000;

/** One restart as it is expected, in ms from now. */
interface Step {
  readonly node: Key;
  readonly kind: string;
  readonly drift: string;
  readonly beginsInMs: number;
  readonly endsInMs: number;
}

export interface Forecast {
  readonly steps: readonly Step[];
  /** Who waits for something that time alone does not bring. */
  readonly holds: ReadonlyMap<Key, Reason>;
}

/** The restarts of one group in their order, and what is left waiting after them. */
export function forecast(group: Group, input: RolloutInput): Forecast {
  const steps: Step[] = [];
  let world = withOpenEnded(group, input);
  let passedMs = world.passedMs;
  for (let turn = 0; turn < TURNS_MAX; turn += 1) {
    const plan = planGroup(group, at(input, world, passedMs));
    if (!plan.restart) {
      const waitMs = plan.recheckInMs;
      if (waitMs === undefined || passedMs + waitMs > HORIZON_MS) return { steps, holds: plan.holds };
      passedMs += Math.max(waitMs, 1);
      continue;
    }
    const ended = afterRestart(plan.restart, at(input, world, passedMs));
    const { validator, kind, drift } = plan.restart;
    steps.push({
      node: validator.key,
      kind,
      drift,
      beginsInMs: passedMs,
      endsInMs: passedMs + ended.passedMs,
    });
    world = ended;
    passedMs += ended.passedMs;
  }
  return { steps, holds: new Map() };
}

/** A World in which something ended, and how long that took. */
interface Ended {
  readonly pods: ReadonlyMap<Key, PodFacts>;
  readonly journal: ConfigMapFacts | undefined;
  readonly passedMs: number;
}

const at = (input: RolloutInput, { pods, journal }: Ended, passedMs: number): RolloutInput => ({
  ...input,
  world: { ...input.world, pods, journal },
  nowMs: input.nowMs + passedMs,
  quiet: (key) => {
    const quiet = input.quiet(key);
    return { ...quiet, quietMs: quiet.quietMs + passedMs };
  },
  // What a restart has renewed is Ready since then; everything else stays so.
  readyForMs: (pod) =>
    input.world.pods.get(pod.key) === pod
      ? input.readyForMs(pod) + passedMs
      : input.nowMs + passedMs - (pod.readyChangedAtMs ?? 0),
});

/** What is under way already is taken to end as restarts do. */
function withOpenEnded(group: Group, input: RolloutInput): Ended {
  const { world, settings, nowMs } = input;
  const entries = entriesOfGroup(world.journal, group);
  if (!entries) return { pods: world.pods, journal: world.journal, passedMs: 0 };
  const [open] = openEntries(entries);
  if (!open) return { pods: world.pods, journal: journalWith(world, group.key, entries, nowMs), passedMs: 0 };
  const takesMs = restartTakesMs(entries, settings, nowMs);
  const passedMs = Math.max(0, open.atMs + takesMs - nowMs);
  const closed = entries.map((entry) =>
    entry === open ? { ...entry, outcome: 'done' as const, endedAtMs: nowMs + passedMs } : entry,
  );
  const validator = group.validators.find(({ key }) => key === open.statefulSet);
  const pods = validator ? renewed(validator, input, passedMs) : world.pods;
  return { pods, journal: journalWith(world, group.key, closed, nowMs + passedMs), passedMs };
}

function afterRestart(restart: Restart, input: RolloutInput): Ended {
  const { world, settings, nowMs } = input;
  const entries = readJournal(world.journal, restart.group) ?? [];
  const passedMs = restartTakesMs(entries, settings, nowMs);
  const entry: JournalEntry = {
    statefulSet: restart.statefulSet,
    kind: restart.kind,
    uids: restart.pods.map(({ uid }) => uid),
    token: restart.token,
    drift: restart.drift,
    atMs: nowMs,
    outcome: 'done',
    endedAtMs: nowMs + passedMs,
  };
  const journal = journalWith(world, restart.group, [...entries, entry], nowMs + passedMs);
  return { pods: renewed(restart.validator, input, passedMs), journal, passedMs };
}

/** All pods of the validator as its restart leaves them: injected, Ready, and knowing what is published. */
function renewed(validator: Validator, input: RolloutInput, takesMs: number): Map<Key, PodFacts> {
  const { world, discovery, nowMs } = input;
  const pods = new Map(world.pods);
  const statefulSet = discovery.statefulSetOf.get(validator.key);
  const published = publishedView(world.configMaps.get(validator.namespace), validator.name);
  for (const pod of statefulSet ? podsOf(world, statefulSet) : []) {
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
      ...(published ? { peers: formatDigests(published.digests), peerHash: published.hash } : {}),
    });
  }
  return pods;
}

/** With what concerns the one group alone, under its key. */
function journalWith(
  world: World,
  group: string,
  entries: readonly JournalEntry[],
  nowMs: number,
): ConfigMapFacts {
  const base = {
    key: '',
    namespace: '',
    name: '',
    uid: '',
    version: '',
    rollout: undefined,
    ownKeys: [],
    foreignKeys: [],
  };
  const data = { [group]: formatJournal(entries, nowMs) };
  return { ...base, ...world.journal, data };
}
