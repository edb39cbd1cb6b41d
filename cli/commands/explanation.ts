/** Everything known and decided about one validator, as data. Programs rely on the meaning of its fields. Pure. */
import type { Group } from '../../peers/discovery/discover.ts';
import { podOf } from '../../peers/discovery/pods.ts';
import { decideMerge } from '../../peers/injection/merge.ts';
import { decideReload } from '../../peers/injection/reload.ts';
import { nextPodOf } from '../../peers/injection/successor.ts';
import { EXTERNAL_CONFIGMAP } from '../../peers/names.ts';
import { isState, reason } from '../../peers/reasons/reasons.ts';
import { outsideOf, viewOf } from '../../peers/views/views.ts';
import type { Key, PodFacts, Validator } from '../../peers/world.ts';
import { everyEntry } from '../../reconciler/plan/journal/group-journal.ts';
import type { JournalEntry } from '../../reconciler/plan/journal/journal.ts';
import { QuorumMargins } from '../../reconciler/plan/quorum/quorum-margin.ts';
import { isUnsettled } from '../../reconciler/plan/restarts/availability.ts';
import { evaluatePod } from '../../reconciler/plan/restarts/drift.ts';
import { GroupLinks } from '../../reconciler/plan/restarts/links.ts';
import { unavailabilityOf } from '../../reconciler/plan/restarts/max-unavailable.ts';
import { rollForOf } from '../../reconciler/plan/restarts/roll-for.ts';
import { updateStrategyOf } from '../../reconciler/plan/restarts/update-strategy.ts';
import { evidenceIn } from '../../reconciler/plan/signals/evidence.ts';
import { stateOf } from '../../reconciler/plan/status/validator-state.ts';
import { type ValidatorStatus, validatorStatus } from '../../reconciler/plan/status/validator-status.ts';
import { rolloutInput } from '../snapshot.ts';
import { type DecidedCluster, type ShownReason, shownReason } from './current-reasons.ts';
import { connectedOf, shownView } from './status-report.ts';

export type Explanation = NonNullable<ReturnType<typeof explain>>;
/** The explanation of a StellarNode that can be read. */
export type Explained = ReturnType<typeof explainValidator>;

/** Explains the StellarNode `key`; undefined if there is no validator with this key. */
export function explain(key: Key, cluster: DecidedCluster) {
  const reading = cluster.world.nodes.get(key);
  if (reading === undefined || reading.kind === 'other') return undefined;
  if (reading.kind === 'validator') return explainValidator(reading.validator, cluster);
  const { namespace, name } = reading.node;
  const why = shownReason(reading.reason, key);
  const decision: Decision = { kind: 'wait', reason: why };
  return { namespace, name, found: 'unreadable' as const, decision, reasons: [why] };
}

function explainValidator(validator: Validator, cluster: DecidedCluster) {
  const { world, discovery, reasons, settings } = cluster;
  const { key, namespace, name, network, port, replicas, advertised, outwardNames } = validator;
  const group = discovery.groups.get(discovery.groupOf.get(key) ?? '');
  const skipped = discovery.skipped.get(key);
  const strategy = updateStrategyOf(validator, world, settings.namespace);
  const rollFor = rollForOf(validator, world, settings.rollFor);
  const context = group && contextOf(validator, group, cluster);
  return {
    namespace,
    name,
    found: skipped ? ('no peer' as const) : ('peer' as const),
    notPeer: skipped ? shownReason(skipped, key) : null,
    network: { id: network.id, title: network.title },
    ...{ port, replicas, advertised: advertised ?? null },
    annotations: annotationsOf(validator),
    addresses: group?.members.filter(({ node }) => node === key).map(({ address }) => address) ?? [],
    outwardNames,
    strategy: strategy.kind === 'strategy' ? strategy.strategy : shownReason(strategy.reason, key),
    rollFor: rollFor.kind === 'rollFor' ? rollFor.rollFor : shownReason(rollFor.reason, key),
    group: group ? groupFacts(validator, group, cluster) : null,
    view: context ? viewFacts(context) : null,
    injection: injectionOf(validator, cluster),
    pods: context ? podFacts(context) : [],
    journal: everyEntry(world.journal)
      .filter(({ statefulSet }) => statefulSet === key)
      .map(journalFacts),
    state: stateOf(key, reasons),
    decision: decisionOn(key, cluster),
    reasons: (reasons.get(key) ?? []).map((why) => shownReason(why, key)),
  };
}

/** The annotations that people have set, by the last part of their names. */
function annotationsOf(validator: Validator): Record<string, string> {
  const { rollout, rollFor, adopt, budget, injection, config, peerReload, advertised } = validator;
  const found = {
    'peer-rollout': rollout,
    'peer-roll-for': rollFor,
    'peer-adopt': adopt,
    'peer-budget': budget,
    'peer-injection': injection,
    'peer-config': config,
    'peer-reload': peerReload,
    'peer-address': advertised,
  };
  return Object.fromEntries(
    Object.entries(found).flatMap(([name, value]) =>
      value === undefined ? [] : [[`stellar.org/${name}`, value]],
    ),
  );
}

function groupFacts(validator: Validator, group: Group, cluster: DecidedCluster) {
  const { down } = unavailabilityOf(group, cluster);
  const { bears, unknown } = new QuorumMargins(group.network.id, cluster).of(validator);
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

interface Context {
  readonly validator: Validator;
  readonly group: Group;
  readonly status: ValidatorStatus;
  readonly links: GroupLinks;
  readonly cluster: DecidedCluster;
}

const contextOf = (validator: Validator, group: Group, cluster: DecidedCluster): Context => ({
  ...{ validator, group, cluster },
  status: validatorStatus(validator, cluster),
  links: new GroupLinks(group, { ...cluster, ownNamespace: cluster.settings.namespace }),
});

function viewFacts({ validator, group, status, links, cluster }: Context) {
  const { world, discovery, settings, published: plan } = cluster;
  const size = plan.viewSizes.get(validator.namespace) ?? settings.maxPeers;
  const pods = status.pods.map(({ pod }) => pod);
  const peers = viewOf(validator.key, group, size).map((member) => {
    const { address, node, digest } = member;
    const pod = podOf(member, world, discovery);
    const knowing = status.pods.filter(({ started }) => started?.includes(digest));
    return {
      address,
      validator: node,
      runs: pod?.running === true && !pod.deleting,
      published: status.published?.digests.includes(digest) ?? false,
      // True if the peer runs with a list that names all pods of the validator, so that it dials them.
      names: pods.length > 0 && pods.every((each) => links.naming(each).has(digest)),
      shown: links.shownOf(pods, digest),
      knownBy: { count: knowing.length, of: pods.length },
    };
  });
  const configMap = `ConfigMap ${settings.namespace}/${EXTERNAL_CONFIGMAP}`;
  const outside = outsideOf(validator, group, size).map((address) => {
    const own = validator.ownPeers.filter((each) => each.address === address).map(({ from }) => from);
    return { address, from: group.externals.includes(address) ? [...own, configMap] : own };
  });
  return { published: shownView(status.published), peers, outside };
}

function injectionOf(validator: Validator, { world, discovery, settings }: DecidedCluster) {
  const statefulSet = discovery.statefulSetOf.get(validator.key);
  if (!statefulSet) return null;
  const { template } = statefulSet;
  const { decision, isAsked } = nextPodOf(validator, statefulSet, world);
  const isGoing = world.namespaces.get(validator.namespace)?.terminating ?? false;
  const skipped =
    decision.kind === 'skip' ? decision.reason : isGoing ? reason('NamespaceTerminating') : undefined;
  const main = decision.kind === 'inject' ? template.containers[decision.main] : undefined;
  const merge =
    main && decideMerge(template, main, { annotation: validator.config, mode: settings.peerConfig });
  const annotation = validator.peerReload ?? world.namespaces.get(validator.namespace)?.peerReload;
  const asked = { annotation, mode: settings.peerReload, risk: 'once' } as const;
  const reload = merge && decideReload(template, main, { ...asked, merge });
  return {
    webhookIsAsked: isAsked,
    injects: skipped === undefined,
    notInjected: skipped ? shownReason(skipped, validator.key) : null,
    configuration: merge?.kind === 'merge' ? `${merge.path}/${merge.file}` : null,
    notMerged: merge?.kind === 'left' ? shownReason(merge.reason, validator.key) : null,
    sidecar: reload?.kind === 'add',
    noSidecar: reload?.kind === 'left' ? shownReason(reload.reason, validator.key) : null,
  };
}

function podFacts(context: Context) {
  const { status, cluster } = context;
  const evidence = evidenceIn(cluster.world.configMaps.get(cluster.settings.namespace));
  return status.pods.map((each) => {
    const { pod, started, connection } = each;
    const { failAt = null, missing = null } = evidence.get(pod.uid)?.state ?? {};
    const connected = connectedOf(each);
    return {
      name: pod.name,
      ready: pod.ready,
      created: new Date(pod.createdAtMs).toISOString(),
      stamp: pod.injected ? { hash: pod.peerHash ?? '', peers: started?.length ?? 0 } : null,
      ...driftOf(pod, context),
      configuration: pod.mergeOutcome ?? null,
      connections: connection && connected ? { connected, synced: connection.synced, failAt, missing } : null,
    };
  });
}

/** The drift of a pod: what a restart would give it, or why there is no restart for what it lacks. */
function driftOf(
  pod: PodFacts,
  { validator, group, status, links, cluster }: Context,
): { readonly lacks: string; readonly lacksHeld: ShownReason | null } {
  const statefulSet = cluster.discovery.statefulSetOf.get(validator.key);
  if (!statefulSet) return { lacks: 'nothing', lacksHeld: null };
  const { world, settings, liveness, listedSinceMs, nowMs } = rolloutInput(cluster);
  const facts = {
    ...{ world, settings, liveness, listedSinceMs, nowMs, links, statefulSet, validator, pod, group },
  };
  const verdict = evaluatePod({ ...facts, published: status.published });
  return {
    lacks: verdict.kind === 'drift' ? verdict.drift : 'nothing',
    lacksHeld: verdict.kind === 'held' ? shownReason(verdict.reason, validator.key) : null,
  };
}

const journalFacts = ({ kind, drift, atMs, outcome, endedAtMs }: JournalEntry) => ({
  kind,
  drift,
  began: new Date(atMs).toISOString(),
  ended: endedAtMs === undefined ? null : new Date(endedAtMs).toISOString(),
  outcome: outcome ?? 'under way',
});

type Decision =
  | { readonly kind: 'nothing'; readonly settling: boolean }
  | { readonly kind: 'restart'; readonly how: string; readonly drift: string }
  | { readonly kind: 'wait'; readonly reason: ShownReason };

function decisionOn(key: Key, { plans, reasons, discovery, world }: DecidedCluster): Decision {
  const restart = plans.get(discovery.groupOf.get(key) ?? '')?.restart;
  if (restart?.validator.key === key) return { kind: 'restart', how: restart.kind, drift: restart.drift };
  const why = reasons.get(key)?.find((each) => !isState(each));
  if (why) return { kind: 'wait', reason: shownReason(why, key) };
  const statefulSet = discovery.statefulSetOf.get(key);
  return { kind: 'nothing', settling: statefulSet !== undefined && isUnsettled(world, statefulSet) };
}
