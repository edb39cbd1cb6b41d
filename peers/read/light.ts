/** The few facts that are kept of an object that is too large: they hold all restarts of its validator. Pure. */
import { type Fields, fieldsOf, listOf, textOf } from '../field.ts';
import { ANNOTATION_PEER_RESTART, INJECTION } from '../names.ts';
import { reason } from '../reasons/reasons.ts';
import type { NamespaceFacts, NodeReading, PdbFacts, PodFacts, StatefulSetFacts } from '../world.ts';
import { readNamespace, readPdb } from './cluster.ts';
import { namedOf } from './named.ts';
import { REVISION_LABEL, readPod, readStatefulSet } from './workload.ts';

/** Longer than any name in Kubernetes. */
const TEXT_LENGTH_MAX = 300;

function light(value: unknown, names: readonly string[]): Fields {
  const fields = fieldsOf(value);
  const isLight = (each: unknown) =>
    typeof each === 'string' ? each.length <= TEXT_LENGTH_MAX : typeof each !== 'object';
  return Object.fromEntries(names.flatMap((name) => (isLight(fields[name]) ? [[name, fields[name]]] : [])));
}

const WHO = ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'generation'];
const OWNER = ['apiVersion', 'kind', 'name', 'uid', 'controller'];

const metadataOf = ({ metadata }: Fields): Fields => {
  const controller = listOf(fieldsOf(metadata).ownerReferences).find((owner) => owner.controller === true);
  return { ...light(metadata, WHO), ownerReferences: controller ? [light(controller, OWNER)] : [] };
};

/** An unreadable StellarNode, with the reason. */
export const lightNode = (raw: Fields, why: string): NodeReading => ({
  kind: 'unreadable',
  node: {
    ...namedOf(light(raw.metadata, WHO)),
    networkId: undefined,
    budget: undefined,
    homeDomain: undefined,
  },
  reason: reason('TooLargeToRead', why),
});

/** The size and state of a StatefulSet without its template, so its future pods are not known. */
export function lightStatefulSet(raw: Fields): StatefulSetFacts {
  const spec = fieldsOf(raw.spec);
  const update = fieldsOf(spec.updateStrategy);
  const facts = readStatefulSet({
    metadata: metadataOf(raw),
    spec: {
      // A name that is too long counts as no name, and no default takes its place.
      serviceName: '-',
      ...light(spec, ['replicas', 'serviceName']),
      ordinals: light(spec.ordinals, ['start']),
      updateStrategy: {
        ...light(update, ['type']),
        rollingUpdate: light(update.rollingUpdate, ['partition', 'maxUnavailable']),
      },
    },
    status: light(raw.status, ['observedGeneration', 'currentRevision', 'updateRevision', 'replicas']),
  });
  return { ...facts, isTooLarge: true };
}

/** A pod that counts as injected, with a stamp that cannot be read, so that no drift is concluded from it. */
export function lightPod(raw: Fields): PodFacts {
  const status = fieldsOf(raw.status);
  const conditions = listOf(status.conditions).filter(({ type }) =>
    ['Ready', 'Initialized', 'PodScheduled'].includes(textOf(type) ?? ''),
  );
  const { labels: allLabels, annotations: allAnnotations } = fieldsOf(raw.metadata);
  const labels = light(allLabels, [REVISION_LABEL]);
  // Keep the restart token. Without it, a restart could be taken back wrongly, or to another value than the pod has.
  const annotations = light(allAnnotations, [ANNOTATION_PEER_RESTART]);
  const facts = readPod({
    metadata: { ...metadataOf(raw), labels, annotations },
    status: {
      ...light(status, ['phase', 'podIP']),
      conditions: conditions.slice(0, 3).map((each) => light(each, ['type', 'status', 'lastTransitionTime'])),
    },
  });
  return { ...facts, injected: true };
}

/** A budget that selects all pods of its namespace and allows no disruption. */
export const lightPdb = (raw: Fields): PdbFacts =>
  readPdb({ metadata: metadataOf(raw), spec: { selector: {} }, status: {} });

/** A paused namespace, because a pause may be among the annotations that are too long. */
export function lightNamespace(raw: Fields): NamespaceFacts {
  const facts = readNamespace({ metadata: light(raw.metadata, WHO) });
  const labels = light(fieldsOf(raw.metadata).labels, [INJECTION]) as Record<string, string>;
  return { ...facts, labels, rollout: 'too large to be read' };
}
