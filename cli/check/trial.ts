/**
 * Asks the API server to create a validator's pod as a dry run, so nothing is stored. If the answer contains the peers, the
 * API server has reached a replica and trusted its certificate.
 */

import { optsOut } from '../../peers/injection/inject.ts';
import { webhookSelects } from '../../peers/injection/selectors.ts';
import { INJECTION, MAIN_CONTAINER } from '../../peers/names.ts';
import { mainContainerOf } from '../../peers/read/pod-shape.ts';
import type { StatefulSetFacts } from '../../peers/world.ts';
import type { Trials } from '../../runtime/kube/client.ts';
import { KubeError, type KubeObject } from '../../runtime/kube/port.ts';
import { Pods, StatefulSets } from '../../runtime/kube/resources.ts';
import type { Trial } from './facts.ts';
import { type Known, placedOf } from './validators.ts';

/**
 * Makes a trial pod of the first validator that the webhook should inject. Rejects with KubeError if the caller has no
 * right to create pods, or if the API server does not answer.
 */
export async function tryPod(trials: Trials, known: Known): Promise<Trial> {
  const subject = subjectOf(known);
  if (!subject) return { kind: 'none' };
  const { key: node } = subject;
  try {
    return { kind: 'answered', node, pod: await trials.tryCreate(Pods, trialPod(subject)) };
  } catch (error) {
    // A policy or a quota also refuses a pod with 403; only RBAC says `cannot create`.
    const isForbidden =
      error instanceof KubeError && error.status === 403 && / cannot create /.test(error.message);
    if (!(error instanceof KubeError) || error.status === 0 || isForbidden) throw error;
    return { kind: 'refused', node, why: error.message };
  }
}

/** The StatefulSet of the first validator whose pods the webhook selects and that has not opted out. */
const subjectOf = (known: Known): StatefulSetFacts | undefined =>
  placedOf(known).find(({ validator, statefulSet, namespaceLabels }) => {
    const { webhook } = known.world;
    if (!webhook || !statefulSet || optsOut(validator.injection)) return false;
    const { labels, annotations } = statefulSet.template;
    return (
      !optsOut(annotations[INJECTION]) && webhookSelects(webhook, { namespaceLabels, labels, annotations })
    );
  })?.statefulSet;

/** The smallest pod that counts as one of the StatefulSet, and that the Pod Security level `restricted` accepts. */
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
