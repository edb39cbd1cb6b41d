/**
 * Everything that is known and decided about one validator, as data. Pure.
 * The fields are a promise to programs: docs/command.md has them, and none changes its meaning.
 */

import { rolloutSettings } from '../../app/wiring-settings.ts';
import type { Group } from '../../peers/discovery/discover.ts';
import { podOf, podsOf } from '../../peers/discovery/pods.ts';
import { parseDigests } from '../../peers/hash.ts';
import { decideMerge } from '../../peers/injection/merge.ts';
import { nextPodOf } from '../../peers/injection/successor.ts';
import { isState } from '../../peers/reasons/reasons.ts';
import { publishedView, viewOf } from '../../peers/views/views.ts';
import type { Key, PodFacts, Validator } from '../../peers/world.ts';
import { everyEntry } from '../../reconciler/plan/journal/group-journal.ts';
import type { JournalEntry } from '../../reconciler/plan/journal/journal.ts';
import { connectionsIn } from '../../reconciler/plan/publish/overview.ts';
import { planPublish } from '../../reconciler/plan/publish/publish.ts';
import { QuorumMargins } from '../../reconciler/plan/quorum/quorum-margin.ts';
import { isUnsettled } from '../../reconciler/plan/restarts/availability.ts';
import { GroupLinks } from '../../reconciler/plan/restarts/links.ts';
import { unavailabilityOf } from '../../reconciler/plan/restarts/max-unavailable.ts';
import { rollForOf } from '../../reconciler/plan/restarts/roll-for.ts';
import { updateStrategyOf } from '../../reconciler/plan/restarts/update-strategy.ts';
import { evidenceIn } from '../../reconciler/plan/signals/evidence.ts';
import { stateOf } from '../../reconciler/plan/status/validator-state.ts';
import type { ClusterSnapshot } from '../snapshot.ts';
import { type Decided, type ShownReason, shownReason } from './current-reasons.ts';
import { driftOf } from './explain-drift.ts';
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
import { outsideFacts } from './outside-facts.ts';

type Seen = ClusterSnapshot & Decided;

/** What is known of the StellarNode `key`; undefined where there is none that is a validator. */
export function explain(key: Key, asked: ClusterSnapshot, decided: Decided): Explanation | undefined {
  const seen: Seen = { ...asked, ...decided };
  const reading = seen.world.nodes.get(key);
  if (reading === undefined || reading.kind === 'other') return undefined;
  if (reading.kind === 'unreadable') {
    const { namespace, name } = reading.node;
    const why = shownReason(reading.reason, key);
    return { namespace, name, found: 'unreadable', decision: { kind: 'wait', reason: why }, reasons: [why] };
  }
  const { validator } = reading;
  const groupKey = seen.discovery.groupOf.get(key) ?? '';
  const group = seen.discovery.groups.get(groupKey);
  const skipped = seen.discovery.skipped.get(key);
  const { namespace, name, network, port, replicas, advertised, outwardNames } = validator;
  return {
    namespace,
    name,
    found: skipped ? 'no peer' : 'peer',
    notPeer: skipped ? shownReason(skipped, key) : null,
    network: { id: network.id, title: network.title },
    ...{ port, replicas, advertised: advertised ?? null },
    annotations: annotationsOf(validator),
    addresses: group?.members.filter(({ node }) => node === key).map(({ address }) => address) ?? [],
    outwardNames,
    strategy: strategyNow(validator, seen),
    rollFor: rollForNow(validator, seen),
    group: group ? groupFacts(validator, group, seen) : null,
    view: group ? viewFacts(validator, group, seen) : null,
    injection: injectionOf(validator, seen),
    pods: group ? podsNow(validator, group, seen) : [],
    journal: everyEntry(seen.world.journal).filter(isOf(key)).map(journalFacts),
    state: stateOf(key, seen.told),
    decision: decisionOn(validator, groupKey, seen),
    reasons: (seen.told.get(key) ?? []).map((why) => shownReason(why, key)),
  };
}

const isOf =
  (key: Key) =>
  ({ statefulSet }: JournalEntry): boolean =>
    statefulSet === key;

/** Those that people may set and have set, by the last part of their names. */
function annotationsOf(validator: Validator): Record<string, string> {
  const { rollout, rollFor, adopt, budget, injection, config, advertised } = validator;
  const found = {
    'peer-rollout': rollout,
    'peer-roll-for': rollFor,
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

function strategyNow(validator: Validator, { world, settings }: Seen): string | ShownReason {
  const verdict = updateStrategyOf(validator, world, settings.namespace);
  return verdict.kind === 'strategy' ? verdict.strategy : shownReason(verdict.reason, validator.key);
}

function rollForNow(validator: Validator, { world, settings }: Seen): string | ShownReason {
  const verdict = rollForOf(validator, world, settings.rollFor);
  return verdict.kind === 'rollFor' ? verdict.rollFor : shownReason(verdict.reason, validator.key);
}

function groupFacts(validator: Validator, group: Group, { world, discovery }: Seen): GroupFacts {
  const { down } = unavailabilityOf(group, { world, discovery });
  const { bears, unknown } = new QuorumMargins(group.network.id, { world, discovery }).of(validator);
  return {
    name: group.key,
    validators: group.validators.length,
    members: group.members.length,
    externals: group.externals.length,
    tolerance: unknown ? null : (bears ?? null),
    unreadableQuorumSet: unknown ? `${unknown.node}: ${unknown.problem}` : null,
    down: Object.fromEntries([...down].map(([key, { why }]) => [key, why])),
  };
}

function viewFacts(validator: Validator, group: Group, seen: Seen): ViewFacts {
  const { world, discovery, settings, nowMs } = seen;
  const { key, namespace, name } = validator;
  const { viewSizes } = planPublish(world, discovery, rolloutSettings(settings), nowMs);
  const size = viewSizes.get(namespace) ?? settings.maxPeers;
  const wanted = viewOf(key, group, size);
  const published = publishedView(world.configMaps.get(namespace), name);
  const links = new GroupLinks(group, { ...seen, ownNamespace: settings.namespace });
  const pods = livingPods(validator, seen);
  const stamps = pods.map((pod) => new Set(startedWith(pod)));
  const peers = wanted.map((member): PeerFacts => {
    const pod = podOf(member, world, discovery);
    return {
      address: member.address,
      validator: member.node,
      runs: pod?.running === true && !pod.deleting,
      published: published?.digests.includes(member.digest) ?? false,
      names: pods.length > 0 && pods.every((each) => links.naming(each).has(member.digest)),
      shown: links.shownOf(pods, member.digest),
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
    outside: outsideFacts(validator, group, { size, namespace: settings.namespace }),
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
  const { decision, isAsked } = nextPodOf(validator, statefulSet, world);
  const main = decision.kind === 'inject' ? template.containers[decision.main] : undefined;
  const merge =
    main && decideMerge(template, main, { annotation: validator.config, mode: settings.peerConfig });
  return {
    webhookIsAsked: isAsked,
    injects: decision.kind === 'inject',
    notInjected: decision.kind === 'skip' ? shownReason(decision.reason, validator.key) : null,
    configuration: merge?.kind === 'merge' ? `${merge.path}/${merge.file}` : null,
    notMerged: merge?.kind === 'left' ? shownReason(merge.reason, validator.key) : null,
  };
}

function podsNow(validator: Validator, group: Group, seen: Seen): PodExplanation[] {
  const statefulSet = seen.discovery.statefulSetOf.get(validator.key);
  const own = seen.world.configMaps.get(seen.settings.namespace);
  const [connections, evidence] = [connectionsIn(own), evidenceIn(own)];
  return livingPods(validator, seen).map((pod) => {
    const connection = connections.get(pod.key);
    const { failAt = null, missing = null } = evidence.get(pod.uid)?.state ?? {};
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
            ...{ synced: connection.synced, failAt, missing },
          }
        : null,
    };
  });
}

const journalFacts = ({ kind, drift, atMs, outcome, endedAtMs }: JournalEntry): JournalFacts => ({
  kind,
  drift,
  began: new Date(atMs).toISOString(),
  ended: endedAtMs === undefined ? null : new Date(endedAtMs).toISOString(),
  outcome: outcome ?? 'under way',
});

function decisionOn({ key }: Validator, groupKey: string, seen: Seen): Decision {
  const { plans, told, discovery, world } = seen;
  const restart = plans.get(groupKey)?.restart;
  if (restart?.validator.key === key) return { kind: 'restart', how: restart.kind, drift: restart.drift };
  const why = told.get(key)?.find((each) => !isState(each));
  if (why) return { kind: 'wait', reason: shownReason(why, key) };
  const statefulSet = discovery.statefulSetOf.get(key);
  return { kind: 'nothing', settling: statefulSet !== undefined && isUnsettled(world, statefulSet) };
}
