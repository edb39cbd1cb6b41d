/** The parts that we keep of objects of any content, for each watched kind, are limited in size and readable. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { weightOf } from '../../../peers/read/weight.ts';
import type { KubeObject } from '../../../runtime/kube/port.ts';
import {
  createStores,
  namedSources,
  OBJECT_BYTES_MAX,
  validatorSources,
  type WatchedKind,
} from '../../../runtime/kube/sources.ts';
import { webhookOf } from '../reconciler/group.ts';
import { node, pod, type Raw, statefulSet } from '../world.ts';
import { fuzz, type Odd, oddOf, oddText } from './odd.ts';

const SCOPE = { ownNamespace: 'stellar-peers', watchNamespaces: [] };
const stores = createStores();
const SOURCES: ReadonlyArray<WatchedKind<unknown>> = [
  ...validatorSources(SCOPE, stores),
  ...namedSources(SCOPE, stores),
];

const budget = {
  metadata: { name: 'budget', namespace: 'stellar', uid: 'pdb' },
  spec: {
    selector: { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] },
  },
  status: { disruptionsAllowed: 1 },
};
const configMap = {
  metadata: {
    name: 'stellar-peers',
    namespace: 'stellar',
    resourceVersion: '1',
    annotations: { 'stellar.org/peer-rollout': 'paused' },
    managedFields: [
      { manager: 'stranger', operation: 'Apply', fieldsV1: { 'f:data': { 'f:a.peers.txt': {} } } },
    ],
  },
  data: { 'a.peers.txt': 'x', other: 'y' },
};
const VALID: Readonly<Record<string, Raw[]>> = {
  StellarNode: [node('a', { spec: { validatorConfig: { quorumSet: 'x', peerPort: 1 } } })],
  StatefulSet: [statefulSet('a', { annotations: { a: 'b' } })],
  Pod: [pod('a', { annotations: { 'stellar.org/peers': 'v1:', 'stellar.org/peer-hash': 'x' } })],
  PodDisruptionBudget: [budget],
  Service: [{ metadata: { name: 'a', namespace: 'stellar' }, spec: { clusterIP: 'None' } }],
  Namespace: [
    {
      metadata: {
        name: 'a',
        labels: { a: 'b' },
        annotations: { 'stellar.org/peer-adopt': 'now' },
      } as Raw['metadata'],
    },
  ],
  ConfigMap: [configMap],
  MutatingWebhookConfiguration: [webhookOf('2025-01-01T00:00:00Z')],
};

/** A megabyte and a half: what the API server takes of one object. */
const lengths = fc.constantFrom(0, 1, 300, 301, 5_000, 70_000, 100_000, 1_500_000);

/** The object with each of its texts, and each of its keys under `labels` and the like, as long as that now and then. */
function stretched(value: unknown, next: () => { length: number; filler: string } | undefined): unknown {
  if (typeof value === 'string') {
    const by = next();
    return by ? value + by.filler.padEnd(1, 'x').repeat(by.length).slice(0, by.length) : value;
  }
  if (Array.isArray(value)) return value.map((each) => stretched(each, next));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, stretched(each, next)]));
}

/** The name and place stay: they are what the API server keeps the object by. */
function keptBy(valid: Raw, odd: unknown): KubeObject {
  const { metadata } = (odd ?? {}) as { metadata?: unknown };
  const { name, namespace } = valid.metadata;
  const own = typeof metadata === 'object' && metadata !== null ? metadata : {};
  return {
    ...(odd as object),
    metadata: { ...own, name, ...(namespace ? { namespace } : {}) },
  } as KubeObject;
}

const WITHOUT_BOUND = new Set(['ConfigMap', 'MutatingWebhookConfiguration']);

/** Nothing that JSON does not know: that is how two of them are compared. */
function assertPlain(value: unknown): void {
  if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) assertPlain(each);
  else assert.ok(['string', 'number', 'boolean', 'undefined', 'object'].includes(typeof value));
}

function assertKept(source: WatchedKind<unknown>, object: KubeObject): void {
  const facts = source.project(object);
  const kinds = source.light ? [facts, source.light(object, 'its namespace')] : [facts];
  for (const each of kinds) {
    assertPlain(each);
    if (WITHOUT_BOUND.has(source.resource.kind)) continue;
    assert.ok(weightOf(each) <= OBJECT_BYTES_MAX, `${source.resource.kind} of ${weightOf(each)} bytes`);
  }
  if (source.light) assert.ok(weightOf(kinds[1]) < 8_192, `${weightOf(kinds[1])} bytes of what is light`);
}

for (const source of SOURCES) {
  const { kind } = source.resource;
  const valid = VALID[kind] ?? [];

  describe(`the kept part of a ${kind} (${source.queries[0]?.fieldSelector ?? 'by label'})`, () => {
    it('has a limited size whatever types its fields have', async (t) => {
      await fuzz(t, { runs: 150, values: oddOf(valid, { shallow: true }) }, ({ value }: Odd) =>
        assertKept(source, keptBy(valid[0] as Raw, value)),
      );
    });

    it('has a limited size whatever length its texts have', async (t) => {
      const stretches = fc.array(
        fc
          .tuple(fc.nat({ max: 9 }), lengths, oddText)
          .map(([skip, length, filler]) => ({ skip, length, filler })),
        { minLength: 1, maxLength: 3 },
      );
      await fuzz(t, { runs: 40, values: stretches }, (list) => {
        let place = 0;
        const next = () => {
          place += 1;
          const found = list.find(({ skip }) => place % (skip + 1) === 0);
          return found && place < 12 ? found : undefined;
        };
        assertKept(source, keptBy(valid[0] as Raw, stretched(valid[0], next)));
      });
    });
  });
}

it('what is kept of a large Pod bears a condition whose type cannot be made text', () => {
  const status = { conditions: [{ type: { toString: 'x' }, status: 'True' }] };
  for (const source of SOURCES) {
    if (source.resource.kind === 'Pod') assertKept(source, { ...pod('a'), status } as KubeObject);
  }
});

it('every kind has a valid object in this test', () => {
  for (const { resource } of SOURCES) assert.ok(VALID[resource.kind], resource.kind);
});
