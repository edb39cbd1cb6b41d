/** Reads the facts that we need from raw StatefulSets and pods. */
import { type Fields, fieldsOf, listOf, numberOf, stringsOf, textOf, timeOf } from '../field.ts';
import { formatDigests, parseDigests, viewHash } from '../hash.ts';
import { isInjected } from '../injection/inject.ts';
import { foundNoPeers, type MergeOutcome, mergedAtOf, mergeOutcomeOf } from '../injection/merge-outcome.ts';
import {
  ANNOTATION_PEER_HASH,
  ANNOTATION_PEER_RESTART,
  ANNOTATION_PEERS,
  CONFIG_INIT_CONTAINER,
  RELOAD_CONTAINER,
} from '../names.ts';
import type { PodFacts, StatefulSetFacts } from '../world.ts';
import { namedOf } from './named.ts';
import {
  type ContainerRestarts,
  type ContainerShape,
  mainContainerOf,
  type PodShape,
  podShapeOf,
} from './pod-shape.ts';
import { reloadSidecarOf } from './reload-sidecar.ts';

function controllerOf(
  metadata: Fields,
  group: string,
  kind: string,
): { uid: string; name: string } | undefined {
  const owner = listOf(metadata.ownerReferences).find((reference) => reference.controller === true);
  if (owner?.kind !== kind || !textOf(owner.apiVersion)?.startsWith(`${group}/`)) return undefined;
  return { uid: textOf(owner.uid) ?? '', name: textOf(owner.name) ?? '' };
}

/** The shape with a volume for each claim template: the controller adds them, so their names are taken. */
function withClaims(shape: PodShape, spec: Fields): PodShape {
  const claims = listOf(spec.volumeClaimTemplates).map((claim) => ({
    name: textOf(fieldsOf(claim.metadata).name) ?? '',
    configMap: undefined,
    items: [],
    isReadOnly: false,
  }));
  return claims.length === 0 ? shape : { ...shape, volumes: [...shape.volumes, ...claims] };
}

/** More replicas than an operator runs of one validator: a typo must not become a million members. */
const REPLICAS_MAX = 101;

const replicasOf = (spec: Fields): number =>
  Math.max(0, Math.min(Math.trunc(numberOf(spec.replicas) ?? 1), REPLICAS_MAX));

/** A number, or a percentage that is rounded down; at least 1, as by the StatefulSet controller. */
function maxUnavailableOf({ maxUnavailable }: Fields, replicas: number): number {
  const [, percent] = textOf(maxUnavailable)?.match(/^(\d{1,3})%$/) ?? [];
  const count = percent === undefined ? numberOf(maxUnavailable) : (Number(percent) * replicas) / 100;
  return Math.max(1, Math.floor(count ?? 1));
}

const firstOrdinalOf = (spec: Fields): number =>
  Math.max(0, Math.trunc(numberOf(fieldsOf(spec.ordinals).start) ?? 0));

/** Its own labels are not read, because the upstream operator changes them again and again. */
export function readStatefulSet(raw: Fields): StatefulSetFacts {
  const metadata = fieldsOf(raw.metadata);
  const spec = fieldsOf(raw.spec);
  const status = fieldsOf(raw.status);
  const owner = controllerOf(metadata, 'stellar.org', 'StellarNode');
  const update = fieldsOf(spec.updateStrategy);
  const template = fieldsOf(spec.template);
  return {
    ...namedOf(metadata),
    ownerUid: owner?.uid,
    ownerName: owner?.name,
    createdAtMs: timeOf(metadata.creationTimestamp) ?? 0,
    deleting: metadata.deletionTimestamp !== undefined,
    replicas: replicasOf(spec),
    firstOrdinal: firstOrdinalOf(spec),
    serviceName: textOf(spec.serviceName) ?? '',
    selector: stringsOf(fieldsOf(spec.selector).matchLabels),
    strategy: textOf(update.type) ?? 'RollingUpdate',
    partition: numberOf(fieldsOf(update.rollingUpdate).partition) ?? 0,
    maxUnavailable: maxUnavailableOf(fieldsOf(update.rollingUpdate), replicasOf(spec)),
    generation: numberOf(metadata.generation) ?? 0,
    observedGeneration: numberOf(status.observedGeneration) ?? 0,
    currentRevision: textOf(status.currentRevision) ?? '',
    updateRevision: textOf(status.updateRevision) ?? '',
    currentReplicas: numberOf(status.replicas) ?? 0,
    restartToken: stringsOf(fieldsOf(template.metadata).annotations)[ANNOTATION_PEER_RESTART],
    template: withClaims(podShapeOf(template), spec),
  };
}

function conditionOf(status: Fields, type: string): Fields | undefined {
  return listOf(status.conditions).find((condition) => condition.type === type);
}

/** The pod's first IPv4 address: stellar-core takes no IPv6. */
function ipv4Of(status: Fields): string | undefined {
  const addresses = [status.podIP, ...listOf(status.podIPs).map((entry) => entry.ip)];
  return addresses.map(textOf).find((address) => address !== undefined && /^\d+(\.\d+){3}$/.test(address));
}

/** stellar-core's container. Users paste its name in commands, so it must be one of the spec, which is validated. */
function startsOf(
  status: Fields,
  container: ContainerShape | undefined,
  { containers }: PodShape,
): Pick<PodFacts, 'container' | 'containerRestarts' | 'startedAtMs' | 'coreReady'> {
  const statuses = listOf(status.containerStatuses);
  const main = container ? statuses.find(({ name }) => name === container.name) : statuses[0];
  const running = fieldsOf(fieldsOf(main?.state).running);
  return {
    container: containers.find(({ name }) => name === main?.name)?.name,
    containerRestarts: numberOf(main?.restartCount) ?? 0,
    startedAtMs: timeOf(running.startedAt),
    coreReady: main?.ready === true,
  };
}

/** The label with the revision of its StatefulSet that a pod was made of. */
export const REVISION_LABEL = 'controller-revision-hash';

/**
 * The container, other than `main`, that runs after more than one restart. If there are several, the one that started
 * last. Our own sidecar is left out: its crashes do not concern stellar-core, and have their own reason.
 */
function otherRestartsOf(
  status: Fields,
  main: string | undefined,
  { containers, initContainers }: PodShape,
): ContainerRestarts | undefined {
  const names = new Set([...containers, ...initContainers].map(({ name }) => name));
  const statuses = [...listOf(status.initContainerStatuses), ...listOf(status.containerStatuses)];
  const found = statuses.flatMap(({ name, restartCount, state }) => {
    const container = textOf(name) ?? '';
    const restarts = numberOf(restartCount) ?? 0;
    const startedAtMs = timeOf(fieldsOf(fieldsOf(state).running).startedAt);
    const isOther = container !== main && container !== RELOAD_CONTAINER && names.has(container);
    return isOther && restarts > 1 && startedAtMs !== undefined ? [{ container, restarts, startedAtMs }] : [];
  });
  return found.sort((a, b) => b.startedAtMs - a.startedAtMs)[0];
}

/** The facts that we read from a pod. */
export function readPod(raw: Fields): PodFacts {
  const metadata = fieldsOf(raw.metadata);
  const status = fieldsOf(raw.status);
  const annotations = stringsOf(metadata.annotations);
  const owner = controllerOf(metadata, 'apps', 'StatefulSet');
  const readyCondition = conditionOf(status, 'Ready');
  const scheduled = conditionOf(status, 'PodScheduled');
  const shape = podShapeOf(raw);
  const main = mainContainerOf(shape);
  const starts = startsOf(status, main, shape);
  const isMerged = shape.initContainers.some(({ name }) => name === CONFIG_INIT_CONTAINER);
  const mergeOutcome = mergeOutcomeOf(status);
  // A pod that has failed, as on a machine that was shut down, may keep its last condition.
  const isReady = status.phase === 'Running' && readyCondition?.status === 'True';
  const isStale = readyCondition?.status === 'True' && !isReady;
  return {
    ...namedOf(metadata),
    ownerUid: owner?.uid,
    ownerName: owner?.name,
    labels: shape.labels,
    createdAtMs: timeOf(metadata.creationTimestamp) ?? 0,
    deleting: metadata.deletionTimestamp !== undefined,
    running: status.phase === 'Running',
    ready: isReady,
    // The time of a stale condition is when the pod became Ready, not when that ended.
    readyChangedAtMs: isStale ? undefined : timeOf(readyCondition?.lastTransitionTime),
    takenAtMs: timeOf(status.startTime),
    scheduledAtMs: scheduled?.status === 'True' ? timeOf(scheduled.lastTransitionTime) : undefined,
    unschedulable: scheduled?.status === 'False',
    ip: ipv4Of(status),
    // Only an injection with the keys of the pod's own validator counts: other keys hold another validator's peers.
    injected: isInjected(shape, owner?.name),
    ...stampOf(annotations, mergeOutcome),
    revision: shape.labels[REVISION_LABEL],
    restartToken: annotations[ANNOTATION_PEER_RESTART],
    ...starts,
    otherRestarts: otherRestartsOf(status, starts.container, shape),
    readAtMs: isMerged ? mergedAtOf(status) : starts.startedAtMs,
    reload: reloadSidecarOf(raw),
    mergeOutcome,
    // The probe of a sidecar does not check stellar-core.
    hasReadinessProbe: main?.hasReadinessProbe ?? false,
  };
}

/**
 * The peers that the pod started with: those of its stamp, or none if the merge found none. The two can differ: a kubelet
 * that has lost its watch mounts an old ConfigMap, although admission has stamped the pod with the new list.
 */
function stampOf(
  annotations: Readonly<Record<string, string>>,
  outcome: MergeOutcome | undefined,
): Pick<PodFacts, 'peers' | 'peerHash'> {
  const { [ANNOTATION_PEERS]: peers, [ANNOTATION_PEER_HASH]: peerHash } = annotations;
  const isReadable = peers !== undefined && parseDigests(peers) !== undefined;
  if (!isReadable || !foundNoPeers(outcome)) return { peers, peerHash };
  return { peers: formatDigests([]), peerHash: viewHash([]) };
}
