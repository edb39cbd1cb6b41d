/**
 * The witness' own check whether the next pod would be injected: by the opt-outs of people and by the selectors of the
 * webhook configuration.
 */
import type { KubeObject } from '../../../runtime/kube/port.ts';
import { MutatingWebhookConfigurations, Namespaces } from '../../../runtime/kube/resources.ts';
import { fieldsAt } from '../frozen.ts';
import { objectSelects } from '../selectors.ts';
import { specOf } from '../workloads.ts';
import type { Stage } from './stage.ts';
import { annotationOf, nodeOf, setOf, split } from './standing.ts';

export const INJECTION = 'stellar.org/peer-injection';
/** The only match condition that is understood here: a pod's own opt-out. */
const OPT_OUT = /annotations\['([^']+)'\]\s*!=\s*'([^']+)'/;

/** The code of the reason why the next pod would not be injected; undefined if it would. */
export function notInjectedBecause(
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
