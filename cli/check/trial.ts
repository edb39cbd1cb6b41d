/**
 * Asks the API server to make a validator's pod for trial only: whether it came back with its peers shows that the API
 * server reached a replica and believed it. Nothing is stored.
 */

import { webhookSelects } from '../../peers/injection/selectors.ts';
import { INJECTION, MAIN_CONTAINER } from '../../peers/names.ts';
import { mainContainerOf } from '../../peers/read/pod-shape.ts';
import type { StatefulSetFacts } from '../../peers/world.ts';
import type { Trials } from '../../runtime/kube/client.ts';
import { KubeError, type KubeObject } from '../../runtime/kube/port.ts';
import { Pods, StatefulSets } from '../../runtime/kube/resources.ts';
import type { Trial } from './facts.ts';
import { type Known, placedOf } from './validators.ts';

/** Tries a pod of the first validator that the webhook should inject. Rejects with KubeError where that is forbidden. */
export async function tryPod(trials: Trials, known: Known): Promise<Trial> {
  const subject = subjectOf(known);
  if (!subject) return { kind: 'none' };
  const { key: node } = subject;
  try {
    return { kind: 'answered', node, pod: await trials.tryCreate(Pods, trialPod(subject)) };
  } catch (error) {
    const isForbidden =
      error instanceof KubeError && error.status === 403 && / cannot create /.test(error.message);
    if (!(error instanceof KubeError) || error.status === 0 || isForbidden) throw error;
    return { kind: 'refused', node, why: error.message };
  }
}

/** The StatefulSet of a validator whose pods are injected: selected, and not opted out. */
const subjectOf = (known: Known): StatefulSetFacts | undefined =>
  placedOf(known).find(({ validator, statefulSet, namespaceLabels }) => {
    const { webhook } = known.world;
    if (!webhook || !statefulSet || validator.injection !== undefined) return false;
    const { labels, annotations } = statefulSet.template;
    return (
      annotations[INJECTION] === undefined &&
      webhookSelects(webhook, { namespaceLabels, labels, annotations })
    );
  })?.statefulSet;

/** As small as a pod of that StatefulSet can be, and within Pod Security `restricted`. */
function trialPod({ name, namespace, uid, template }: StatefulSetFacts): KubeObject {
  const main = mainContainerOf(template);
  const { apiVersion, kind } = StatefulSets;
  return {
    apiVersion: Pods.apiVersion,
    kind: Pods.kind,
    metadata: {
      name: `${name}-stellar-peers-check`,
      namespace,
      labels: { ...template.labels },
      ownerReferences: [{ apiVersion, kind, name, uid, controller: true }],
    },
    spec: {
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: MAIN_CONTAINER,
          image: main?.image ?? MAIN_CONTAINER,
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  };
}
