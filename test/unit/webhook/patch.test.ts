/**
 * Patches on arbitrary pods: each patch applies, keeps every field of the user, and a second admission adds nothing.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Fields } from '../../../peers/field.ts';
import { normalPath } from '../../../peers/injection/paths.ts';
import { applied } from '../../../webhook/patch/applied.ts';
import { admit } from '../../../webhook/review/admit.ts';
import { assertInjected, assertUntouched } from './untouched.ts';

const STAMP = { hash: '0123456789abcdef', digests: ['aaaaaaaa', 'bbbbbbbb'] };
const options = { node: 'v1', optedOut: false, stamp: STAMP };

/** The pod as plain JSON, as the API server sends it. */
const asJson = (value: unknown): Fields => JSON.parse(JSON.stringify(value));

const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const maybeNull = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 8, arbitrary: value }, { weight: 1, arbitrary: fc.constantFrom(null, undefined) });
const name = fc.constantFrom('stellar-node', 'stellar-peers', 'data', 'config', 'a~b', 'c/d', 'x'.repeat(63));
const containerName = fc.oneof(fc.constant('stellar-node'), name);
const path = fc.constantFrom(
  '/etc/stellar/peers',
  '/etc/stellar',
  '/etc/stellar/peers/x',
  '/data',
  '/etc/stellar/peers/',
  '/',
);
const ourItems = [
  { key: 'v1.peers.txt', path: 'peers.txt' },
  { key: 'v1.peers.toml', path: 'peers.toml' },
];
const volumeSource = fc.constantFrom<object>(
  { emptyDir: {} },
  { configMap: { name: 'stellar-peers' } },
  { configMap: { name: 'stellar-peers', items: ourItems } },
);
const volume = fc.tuple(name, volumeSource).map(([volumeName, source]) => ({ name: volumeName, ...source }));
const env = fc.record({
  name: fc.constantFrom('KNOWN_PEERS_FILE', 'A', 'B'),
  value: some(fc.constantFrom('/etc/stellar/peers/peers.txt', 'other')),
});
const unique = <T>(item: fc.Arbitrary<T>, key: (value: T) => unknown) =>
  maybeNull(fc.uniqueArray(item, { selector: key, maxLength: 4 }));
const container = fc.record(
  {
    name: containerName,
    image: fc.constantFrom('image', 'stellar/stellar-core:v21'),
    // One folder, one mount: what the API server takes twice, with a slash behind it, is a test of its own below.
    volumeMounts: unique(fc.record({ name, mountPath: path }), ({ mountPath }) => normalPath(mountPath)),
    env: unique(env, (entry) => entry.name),
  },
  { requiredKeys: ['name'] },
);
const keys = fc.constantFrom(
  'stellar.org/peers',
  'stellar.org/peer-hash',
  'a~b/c',
  'plain',
  'stellar.org/peer-injection',
  'kubectl.kubernetes.io/default-container',
);
const pod = fc.record({
  metadata: fc.record(
    {
      name: fc.constant('v1-0'),
      annotations: maybeNull(fc.dictionary(keys, fc.constantFrom('', 'v1:', 'enabled', 'data', 'config'))),
    },
    { requiredKeys: ['name'] },
  ),
  spec: fc.record(
    {
      containers: fc.uniqueArray(container, { selector: (entry) => entry.name, minLength: 1, maxLength: 3 }),
      initContainers: maybeNull(fc.array(container, { maxLength: 2 })),
      volumes: unique(volume, (entry) => entry.name),
    },
    { requiredKeys: ['containers'] },
  ),
});

test('a patch always applies and keeps every field of the user, and a second admission adds nothing', () => {
  let patched = 0;
  fc.assert(
    fc.property(pod.map(asJson), (input) => {
      const before = structuredClone(input);
      const { operations, result } = admit(input, options);
      assert.deepEqual(input, before, 'the pod itself is not changed');
      const output = applied(input, operations);
      assertUntouched(input, output);
      if (!result.startsWith('skipped')) assertInjected(output, 'v1');
      if (result === 'patched') patched += 1;
      assert.deepEqual(admit(output, options).operations, []);
    }),
    { numRuns: 2_000 },
  );
  assert.ok(patched > 200, `only ${patched} of the pods were patched at all`);
});

test('a pod that mounts our volume twice at our path, once with a slash at the end, keeps both mounts', () => {
  const volumeMounts = ['/etc/stellar/peers/', '/etc/stellar/peers'].map((mountPath) => ({
    name: 'stellar-peers',
    mountPath,
  }));
  const volumes = [{ name: 'stellar-peers', configMap: { name: 'stellar-peers', items: ourItems } }];
  const input = { metadata: {}, spec: { containers: [{ name: 'stellar-node', volumeMounts }], volumes } };
  const { operations, result } = admit(input, options);
  assert.equal(result, 'patched');
  const output = applied(input, operations);
  assertUntouched(input, output);
  assert.deepEqual(output.spec.containers[0]?.volumeMounts, volumeMounts);
});

test('for any input, admission answers and the patch applies', () => {
  const junk = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, 0, '', 'stellar-node', true),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(
        fc.constantFrom(
          'metadata',
          'annotations',
          'spec',
          'containers',
          'volumes',
          'volumeMounts',
          'env',
          'name',
          '__proto__',
        ),
        tie('value'),
      ),
    ),
  })).value;
  fc.assert(
    fc.property(fc.record({ metadata: junk, spec: junk }).map(asJson), (input) => {
      const { operations } = admit(input, options);
      assert.doesNotThrow(() => applied(input, operations));
    }),
    { numRuns: 2_000 },
  );
});

const withContainer = (parts: object, spec: object = {}): Fields => ({
  metadata: {},
  spec: { containers: [{ name: 'stellar-node', ...parts }], ...spec },
});
const DOUBTFUL: ReadonlyArray<[string, Fields]> = [
  ['no metadata', { spec: { containers: [{ name: 'stellar-node' }] } }],
  ['annotations that are a list', { ...withContainer({}), metadata: { annotations: [] } }],
  ['volumes that are an object', withContainer({}, { volumes: {} })],
  ['env that is a string', withContainer({ env: 'A=B' })],
  ['a container that is null', { metadata: {}, spec: { containers: [null, { name: 'stellar-node' }] } }],
  [
    'a block device at our path',
    withContainer({ volumeDevices: [{ name: 'disk', devicePath: '/etc/stellar/peers' }] }),
  ],
];
for (const [what, input] of DOUBTFUL) {
  test(`${what}: no patch, and a warning`, () => {
    const outcome = admit(input, options);
    assert.deepEqual([outcome.result, outcome.operations], ['skipped:UnreadablePod', []]);
    assert.equal(outcome.warnings.length, 1);
  });
}

test('an env list with unreadable entries gets our entry added, and is not replaced', () => {
  const input = withContainer({ env: [null, 'x', { name: 'A' }] });
  const { operations } = admit(input, options);
  assert.ok(operations.some(({ path: where }) => where === '/spec/containers/0/env/-'));
});
