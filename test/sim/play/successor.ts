/**
 * Whether the pod that comes after a restart would be injected, worked out by the witness itself: what people have
 * switched off, and whom the webhook configuration selects.
 */
import type { KubeObject } from '../../../runtime/kube/port.ts';
import { MutatingWebhookConfigurations, Namespaces } from '../../../runtime/kube/resources.ts';
import { fieldsAt } from '../frozen.ts';
import { objectSelects } from '../selectors.ts';
import { specOf } from '../workloads.ts';
import type { Stage } from './stage.ts';
import { annotationOf, nodeOf, setOf, split } from './standing.ts';

export const INJECTION = 'stellar.org/peer-injection';
/** The one expression of a match condition that means something here: a pod's own opt-out. */
const OPT_OUT = /annotations\['([^']+)'\]\s*!=\s*'([^']+)'/;

/** The code of the reason for which it would come back bare; undefined if it would be injected. */
export function bareBecause(
  stage: Stage,
  key: string,
): 'OptedOut' | 'NotSelected' | 'WebhookMissing' | undefined {
  const { store } = stage.server;
  const set = setOf(store, key);
  if (!set) return undefined;
  const { labels, annotations } = specOf(set).template.metadata ?? {};
  const namespace = store.get({ resource: Namespaces, name: split(key).namespace });
  const said = [
    annotationOf(nodeOf(store, key), INJECTION),
    namespace?.metadata.labels?.[INJECTION],
    annotations?.[INJECTION],
  ];
  if (said.some((value) => value !== undefined && value !== 'enabled')) return 'OptedOut';
  const webhook = store.get({ resource: MutatingWebhookConfigurations, name: 'stellar-peers' });
  if (!webhook) return 'WebhookMissing';
  const entry = fieldsAt((webhook.webhooks as unknown[])[0]);
  const isSelected =
    objectSelects(entry.namespaceSelector ?? {}, namespace?.metadata.labels) &&
    objectSelects(entry.objectSelector ?? {}, labels) &&
    conditionsOf(entry).every((expression) => isMet(expression, annotations));
  return isSelected ? undefined : 'NotSelected';
}

const conditionsOf = ({ matchConditions = [] }: KubeObject | Readonly<Record<string, unknown>>): string[] =>
  (matchConditions as unknown[]).map((condition) => String(fieldsAt(condition).expression));

function isMet(expression: string, annotations: Readonly<Record<string, string>> = {}): boolean {
  const [, key = '', value] = OPT_OUT.exec(expression) ?? [];
  return value === undefined ? expression.trim() === 'true' : annotations[key] !== value;
}
