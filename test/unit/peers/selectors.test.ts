/**
 * Label selectors as Kubernetes evaluates them, and whether the API server asks our webhook about a pod.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  labelSelectorOf,
  matchesSelector,
  OPT_OUT_EXPRESSION,
  webhookSelects,
} from '../../../peers/injection/selectors.ts';
import { readWebhook } from '../../../peers/read/cluster.ts';

const expression = (operator: string, values?: string[]) => ({
  matchExpressions: [{ key: 'tier', operator, ...(values && { values }) }],
});

const CASES: ReadonlyArray<[string, unknown, Record<string, string>, boolean]> = [
  ['nothing selects everything', undefined, {}, true],
  ['an empty selector selects everything', {}, { a: 'b' }, true],
  ['matchLabels needs the very value', { matchLabels: { tier: 'a' } }, { tier: 'b' }, false],
  [
    'matchLabels and expressions both count',
    { matchLabels: { a: 'b' }, ...expression('Exists') },
    { a: 'b' },
    false,
  ],
  ['In needs the label', expression('In', ['x']), {}, false],
  ['In takes any of its values', expression('In', ['x', 'y']), { tier: 'y' }, true],
  ['NotIn matches absence', expression('NotIn', ['x']), {}, true],
  ['NotIn refuses its values', expression('NotIn', ['x']), { tier: 'x' }, false],
  ['Exists takes any value', expression('Exists'), { tier: '' }, true],
  ['DoesNotExist matches absence', expression('DoesNotExist'), { other: 'x' }, true],
  ['DoesNotExist refuses presence', expression('DoesNotExist'), { tier: '' }, false],
  ['an unknown operator selects nothing', expression('Gt', ['1']), { tier: '2' }, false],
  [
    'a key that every object inherits is no label',
    { matchExpressions: [{ key: 'constructor', operator: 'Exists' }] },
    {},
    false,
  ],
];

for (const [promise, selector, labels, expected] of CASES) {
  test(promise, () => assert.equal(matchesSelector(labelSelectorOf(selector), labels), expected));
}

const webhook = (entry: object) =>
  readWebhook({
    metadata: {},
    webhooks: [
      {
        name: 'pods.peers.stellar.org',
        rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }],
        namespaceSelector: {
          matchExpressions: [
            {
              key: 'kubernetes.io/metadata.name',
              operator: 'NotIn',
              values: ['kube-system', 'stellar-peers'],
            },
            { key: 'stellar.org/peer-injection', operator: 'NotIn', values: ['disabled'] },
          ],
        },
        objectSelector: { matchLabels: { 'stellar.org/node-type': 'Validator' } },
        matchConditions: [{ name: 'not-opted-out', expression: OPT_OUT_EXPRESSION }],
        ...entry,
      },
    ],
  });

const asked = (entry: object, pod: { namespace?: object; labels?: object; annotations?: object } = {}) =>
  webhookSelects(webhook(entry), {
    namespaceLabels: { 'kubernetes.io/metadata.name': 'stellar', ...pod.namespace },
    labels: { 'stellar.org/node-type': 'Validator', ...pod.labels },
    annotations: { ...pod.annotations },
  });

test('a validator pod in an ordinary namespace is asked about', () => assert.equal(asked({}), true));

test('our own namespace, an opted-out one, other pods and opted-out pods are not', () => {
  assert.equal(asked({}, { namespace: { 'kubernetes.io/metadata.name': 'stellar-peers' } }), false);
  assert.equal(asked({}, { namespace: { 'stellar.org/peer-injection': 'disabled' } }), false);
  assert.equal(asked({}, { labels: { 'stellar.org/node-type': 'Horizon' } }), false);
  assert.equal(asked({}, { annotations: { 'stellar.org/peer-injection': 'disabled' } }), false);
});

test('a match condition that is not ours counts as if the API server did not ask us', () => {
  const matchConditions = [{ name: 'theirs', expression: 'request.userInfo.username != "admin"' }];
  assert.equal(asked({ matchConditions }), false);
});

test('without match conditions only the selectors count', () => {
  assert.equal(
    asked({ matchConditions: [] }, { annotations: { 'stellar.org/peer-injection': 'disabled' } }),
    true,
  );
});

test('a configuration without our entry asks for no pod', () => assert.equal(asked({ name: 'else' }), false));
