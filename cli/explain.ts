/**
 * Everything that is known and decided about one validator, as data. Pure.
 * The fields are a promise to programs: docs/command.md has them, and none changes its meaning.
 */
import type { Group } from '../peers/discover.ts';
import { parseDigests } from '../peers/hash.ts';
import { decideInjection, optsOut } from '../peers/inject.ts';
import { decideMerge } from '../peers/merge.ts';
import { INJECTION } from '../peers/names.ts';
import { podOf, podsOf } from '../peers/pods.ts';
import type { Reason } from '../peers/reasons.ts';
import { webhookSelects } from '../peers/selectors.ts';
import { publishedView, viewOf } from '../peers/views.ts';
import type { Key, PodFacts, StatefulSetFacts, Validator } from '../peers/world.ts';
import { isUnsettled } from '../reconciler/availability.ts';
import { judgePod } from '../reconciler/drift.ts';
import { type Entry, readJournal } from '../reconciler/journal.ts';
import { marginOf } from '../reconciler/margin.ts';
import { connectionsIn } from '../reconciler/overview.ts';
import { planPublish } from '../reconciler/publish.ts';
import { strategyOf } from '../reconciler/strategy.ts';
import { rolloutSettings } from '../wiring.ts';
import { type Asked, rolloutInput } from './asked.ts';
import type {
  Decision,
  Explanation,
  GroupFacts,
  InjectionFacts,
  JournalFacts,
  PeerFacts,
  PodExplanation,
  ViewFacts,
} from './explanation.ts';
import { type Decided, type ToldReason, toldReason } from './reasons-now.ts';

type Seen = Asked & Decided;

/** What is known of the StellarNode `key`; undefined where there is none that is a validator. */
export function explain(key: Key, asked: Asked, decided: Decided): Explanation | undefined {
  const seen: Seen = { ...asked, ...decided };
  const reading = seen.world.nodes.get(key);
  if (reading === undefined || reading.kind === 'other') return undefined;
  if (reading.kind === 'unreadable') {
    const { namespace, name } = reading.node;
    return { namespace, name, found: 'unreadable', decision: waitsFor(reading.reason) };
  }
  const { validator } = reading;
  const groupKey = seen.discovery.groupOf.get(key) ?? '';
  const group = seen.discovery.groups.get(groupKey);
  const skipped = seen.discovery.skipped.get(key);
  const { namespace, name, network, port, replicas, advertised } = validator;
  return {
    namespace,
    name,
    found: skipped ? 'no peer' : 'peer',
    notPeer: told(skipped),
    network: { id: network.id, title: network.title },
    ...{ port, replicas, advertised: advertised ?? null },
    annotations: annotationsOf(validator),
    addresses: group?.members.filter(({ node }) => node === key).map(({ address }) => address) ?? [],
    strategy: strategyNow(validator, seen),
    group: group ? groupFacts(group, seen) : null,
    view: group ? viewFacts(validator, group, seen) : null,
    injection: injectionOf(validator, seen),
    pods: group ? podsNow(validator, group, seen) : [],
    journal: (readJournal(seen.world.journal, groupKey) ?? []).filter(isOf(key)).map(journalFacts),
    decision: decisionOn(validator, groupKey, seen),
  };
}

const told = (why: Reason | undefined): ToldReason | null => (why ? toldReason(why) : null);
const waitsFor = (why: Reason): Decision => ({ kind: 'wait', reason: toldReason(why) });
const isOf =
  (key: Key) =>
  ({ statefulSet }: Entry): boolean =>
    statefulSet === key;

/** Those that people may set and have set, by the last part of their names. */
function annotationsOf(validator: Validator): Record<string, string> {
  const { rollout, adopt, budget, injection, config, advertised } = validator;
  const found = {
    'peer-rollout': rollout,
    'peer-adopt': adopt,
    'peer-budget': budget,
    'peer-injection': injection,
    'peer-config': config,
    'peer-address': advertised,
  };
  return Object.fromEntries(
    Object.entries(found).flatMap(([name, value]) =>
      value === undefined ? [] : [[`stellar.org/${name}`, value]],
    ),
  );
}

function strategyNow(validator: Validator, { world, settings }: Seen): string | ToldReason {
  const verdict = strategyOf(validator, world, settings.namespace);
  return verdict.kind === 'strategy' ? verdict.strategy : toldReason(verdict.reason);
}

function groupFacts(group: Group, { world, discovery }: Seen): GroupFacts {
  const { down, tolerance, unreadable } = marginOf(group, { world, discovery });
  return {
    name: group.key,
    validators: group.validators.length,
    members: group.members.length,
    externals: group.externals.length,
    tolerance: tolerance === undefined || tolerance === Number.POSITIVE_INFINITY ? null : tolerance,
    unreadableQuorumSet: unreadable ?? null,
    down: Object.fromEntries([...down].map(([key, { why }]) => [key, why])),
  };
}

function viewFacts(validator: Validator, group: Group, seen: Seen): ViewFacts {
  const { world, discovery, settings, nowMs } = seen;
  const { key, namespace, name } = validator;
  const { viewSizes } = planPublish(world, discovery, rolloutSettings(settings), nowMs);
  const wanted = viewOf(key, group, viewSizes.get(namespace) ?? settings.maxPeers);
  const published = publishedView(world.configMaps.get(namespace), name);
  const stamps = livingPods(validator, seen).map((pod) => new Set(startedWith(pod)));
  const peers = wanted.map((member): PeerFacts => {
    const pod = podOf(member, world, discovery);
    return {
      address: member.address,
      validator: member.node,
      runs: pod?.running === true && !pod.deleting,
      published: published?.digests.includes(member.digest) ?? false,
      knownBy: { count: stamps.filter((stamp) => stamp.has(member.digest)).length, of: stamps.length },
    };
  });
  return {
    published: published
      ? {
          hash: published.hash,
          peers: published.digests.length,
          since: new Date(published.publishedAtMs).toISOString(),
        }
      : null,
    peers,
  };
}

function livingPods({ key }: Validator, { world, discovery }: Seen): readonly PodFacts[] {
  const statefulSet = discovery.statefulSetOf.get(key);
  return statefulSet ? podsOf(world, statefulSet) : [];
}

const startedWith = ({ injected, peers }: PodFacts): readonly string[] =>
  injected && peers !== undefined ? (parseDigests(peers) ?? []) : [];

function injectionOf(validator: Validator, { world, discovery, settings }: Seen): InjectionFacts | null {
  const statefulSet = discovery.statefulSetOf.get(validator.key);
  if (!statefulSet) return null;
  const { template } = statefulSet;
  const namespace = world.namespaces.get(validator.namespace);
  const optedOut = optsOut(validator.injection) || optsOut(namespace?.labels[INJECTION]);
  const decision = decideInjection(template, { node: validator.name, optedOut });
  const { labels, annotations } = template;
  const isAsked =
    world.webhook !== undefined &&
    namespace !== undefined &&
    webhookSelects(world.webhook, { namespaceLabels: namespace.labels, labels, annotations });
  const main = decision.kind === 'inject' ? template.containers[decision.main] : undefined;
  const merge =
    main && decideMerge(template, main, { annotation: validator.config, mode: settings.peerConfig });
  return {
    webhookIsAsked: isAsked,
    injects: decision.kind === 'inject',
    notInjected: decision.kind === 'skip' ? toldReason(decision.reason) : null,
    configuration: merge?.kind === 'merge' ? `${merge.path}/${merge.file}` : null,
    notMerged: merge?.kind === 'left' ? toldReason(merge.reason) : null,
  };
}

function podsNow(validator: Validator, group: Group, seen: Seen): PodExplanation[] {
  const statefulSet = seen.discovery.statefulSetOf.get(validator.key);
  const connections = connectionsIn(seen.world.configMaps.get(seen.settings.namespace));
  return livingPods(validator, seen).map((pod) => {
    const connection = connections.get(pod.key);
    return {
      name: pod.name,
      ready: pod.ready,
      created: new Date(pod.createdAtMs).toISOString(),
      stamp: pod.injected ? { hash: pod.peerHash ?? '', peers: startedWith(pod).length } : null,
      ...driftOf({ validator, statefulSet, pod, group }, seen),
      configuration: pod.mergeOutcome ?? null,
      connections: connection
        ? {
            connected: { count: connection.connected, of: connection.expected },
            synced: connection.synced,
          }
        : null,
    };
  });
}

interface Judged {
  readonly validator: Validator;
  readonly statefulSet: StatefulSetFacts | undefined;
  readonly pod: PodFacts;
  readonly group: Group;
}

function driftOf(
  { statefulSet, ...judged }: Judged,
  seen: Seen,
): Pick<PodExplanation, 'lacks' | 'lacksHeld'> {
  if (!statefulSet) return { lacks: 'nothing', lacksHeld: null };
  const { world, settings, liveness } = rolloutInput(seen);
  const { namespace, name } = judged.validator;
  const published = publishedView(world.configMaps.get(namespace), name);
  const verdict = judgePod({ world, settings, liveness, statefulSet, published, ...judged });
  return {
    lacks: verdict.kind === 'drift' ? verdict.drift : 'nothing',
    lacksHeld: verdict.kind === 'held' ? toldReason(verdict.reason) : null,
  };
}

const journalFacts = ({ kind, drift, atMs, outcome, endedAtMs }: Entry): JournalFacts => ({
  kind,
  drift,
  began: new Date(atMs).toISOString(),
  ended: endedAtMs === undefined ? null : new Date(endedAtMs).toISOString(),
  outcome: outcome ?? 'under way',
});

function decisionOn({ key }: Validator, groupKey: string, { plans, reasons, discovery }: Seen): Decision {
  const restart = plans.get(groupKey)?.restart;
  if (restart?.validator.key === key) return { kind: 'restart', how: restart.kind, drift: restart.drift };
  const why = reasons.get(key);
  if (why) return waitsFor(why);
  const statefulSet = discovery.statefulSetOf.get(key);
  return { kind: 'nothing', settling: statefulSet !== undefined && isUnsettled(statefulSet) };
}
