/** Label selectors, and whether the API server would ask our webhook about a pod, by its live configuration. */
import { fieldsOf, listOf, stringsOf, textOf, textsOf } from '../field.ts';
import { INJECTION, INJECTION_DISABLED, WEBHOOK_ENTRY } from '../names.ts';
import type { LabelSelector, WebhookFacts } from '../world.ts';

type Labels = Readonly<Record<string, string>>;

/** The CEL expression of the match condition that we ship. No other expression is understood. */
export const OPT_OUT_EXPRESSION = `!has(object.metadata.annotations) || !('${INJECTION}' in object.metadata.annotations) || object.metadata.annotations['${INJECTION}'] != '${INJECTION_DISABLED}'`;

/** Reads a raw `labelSelector`. A missing one selects everything, like `{}`. */
export function labelSelectorOf(raw: unknown): LabelSelector {
  const selector = fieldsOf(raw);
  return {
    matchLabels: stringsOf(selector.matchLabels),
    matchExpressions: listOf(selector.matchExpressions).map((expression) => ({
      key: textOf(expression.key) ?? '',
      operator: textOf(expression.operator) ?? '',
      values: textsOf(expression.values),
    })),
  };
}

/** How many labels, conditions and values a selector has: what it costs to match one pod. */
export const requirementsOf = ({ matchLabels, matchExpressions }: LabelSelector): number =>
  matchExpressions.reduce((sum, { values }) => sum + 1 + values.length, Object.keys(matchLabels).length);

/** True if the selector selects these labels. An unknown operator selects nothing. */
export function matchesSelector(selector: LabelSelector, labels: Labels): boolean {
  return (
    Object.entries(selector.matchLabels).every(([key, value]) => labelOf(labels, key) === value) &&
    selector.matchExpressions.every((expression) => matchesExpression(expression, labels))
  );
}

const labelOf = (labels: Labels, key: string): string | undefined =>
  Object.hasOwn(labels, key) ? labels[key] : undefined;

function matchesExpression(
  { key, operator, values }: LabelSelector['matchExpressions'][number],
  labels: Labels,
): boolean {
  const value = labelOf(labels, key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}

/** True if the API server would ask our webhook about such a pod. A condition that is not ours counts as false. */
export function webhookSelects(
  webhook: WebhookFacts,
  pod: { readonly namespaceLabels: Labels; readonly labels: Labels; readonly annotations: Labels },
): boolean {
  const entry = webhook.entries.find(({ name }) => name === WEBHOOK_ENTRY);
  return (
    entry?.takesPods === true &&
    matchesSelector(entry.namespaceSelector, pod.namespaceLabels) &&
    matchesSelector(entry.objectSelector, pod.labels) &&
    entry.matchConditions.every((expression) => matchesCondition(expression, pod.annotations))
  );
}

const matchesCondition = (expression: string, annotations: Labels): boolean =>
  expression.trim() === OPT_OUT_EXPRESSION && annotations[INJECTION] !== INJECTION_DISABLED;
