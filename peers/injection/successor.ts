/** Predicts what admission would do with the next pod of a validator; asked before each restart. Pure. */
import type { Discovery } from '../discovery/discover.ts';
import { podsOf } from '../discovery/pods.ts';
import { INJECTION } from '../names.ts';
import { type Reason, reason } from '../reasons/reasons.ts';
import type { Key, PodFacts, StatefulSetFacts, Validator, World } from '../world.ts';
import { decideInjection, type InjectionDecision, optsOut } from './inject.ts';
import { webhookSelects } from './selectors.ts';

/** The injection of the next pod, and whether the API server would ask us about it. */
export interface NextPod {
  readonly decision: InjectionDecision;
  readonly isAsked: boolean;
}

/** The admission of the validator's next pod, by its template and the present configuration. */
export function nextPodOf(validator: Validator, { template }: StatefulSetFacts, world: World): NextPod {
  const namespace = world.namespaces.get(validator.namespace);
  const optedOut = optsOut(validator.injection) || optsOut(namespace?.labels[INJECTION]);
  const { labels, annotations } = template;
  // A namespace that the caches do not show counts as not selected.
  const isAsked =
    world.webhook !== undefined &&
    namespace !== undefined &&
    webhookSelects(world.webhook, { namespaceLabels: namespace.labels, labels, annotations });
  return { decision: decideInjection(template, { node: validator.name, optedOut }), isAsked };
}

/** Why the next pod of the validator would not be injected, or would not come at all; undefined if it would. */
export function whyNotInjected(
  validator: Validator,
  statefulSet: StatefulSetFacts,
  world: World,
): Reason | undefined {
  if (statefulSet.isTooLarge) return reason('TooLargeToRead', `StatefulSet ${statefulSet.name}`);
  if (world.namespaces.get(validator.namespace)?.terminating) return reason('NamespaceTerminating');
  if (statefulSet.deleting) return reason('Unsettled', 'the StatefulSet is being deleted');
  const { decision, isAsked } = nextPodOf(validator, statefulSet, world);
  if (decision.kind === 'skip') return decision.reason;
  if (!world.webhook) return reason('WebhookMissing');
  return isAsked ? undefined : reason('NotSelected');
}

/** Pods of the StatefulSet `key` without injection, although the next pod would be injected. */
export function bareThoughInjectable(key: Key, world: World, { statefulSetOf }: Discovery): PodFacts[] {
  const statefulSet = statefulSetOf.get(key);
  const reading = world.nodes.get(key);
  if (!statefulSet || reading?.kind !== 'validator') return [];
  const bare = podsOf(world, statefulSet).filter(({ injected }) => !injected);
  return bare.length > 0 && !whyNotInjected(reading.validator, statefulSet, world) ? bare : [];
}
