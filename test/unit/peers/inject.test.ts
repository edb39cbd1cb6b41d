/**
 * The parts that we would inject, for pods of different shapes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideInjection, isInjected, optsOut } from '../../../peers/injection/inject.ts';
import { type PodShape, podShapeOf } from '../../../peers/read/pod-shape.ts';

const PLACES = { peers: '/etc/stellar/peers', original: '/etc/stellar/peers-original' };

interface Parts {
  annotations?: Record<string, string>;
  containers?: object[];
  initContainers?: object[];
  volumes?: object[];
}

const shape = ({ annotations = {}, ...spec }: Parts = {}): PodShape =>
  podShapeOf({ metadata: { annotations }, spec: { containers: [{ name: 'stellar-node' }], ...spec } });

const volume = (node = 'v1', name = 'stellar-peers') => ({
  name,
  configMap: {
    name: 'stellar-peers',
    items: [
      { key: `${node}.peers.txt`, path: 'peers.txt' },
      { key: `${node}.peers.toml`, path: 'peers.toml' },
    ],
  },
});
const mount = (mountPath = '/etc/stellar/peers', name = 'stellar-peers') => ({ name, mountPath });
const main = (...volumeMounts: object[]) => ({ name: 'stellar-node', volumeMounts });
const decide = (parts: Parts, optedOut = false) => decideInjection(shape(parts), { node: 'v1', optedOut });

function assertTaken(parts: Parts, detail: string): void {
  assert.deepEqual(decide(parts), { kind: 'skip', reason: { code: 'NotInjectable', detail } });
}

test('a pod without injection gets volume, mount and env', () => {
  const all = {
    kind: 'inject',
    main: 0,
    places: PLACES,
    addVolume: true,
    addMount: true,
    addEnv: true,
    warnings: [],
  };
  assert.deepEqual(decide({}), all);
});

/** A pod with containers given as `name=image`, and the default container of kubectl. */
const named = (byDefault: string | undefined, ...entries: string[]): Parts => ({
  annotations: byDefault === undefined ? {} : { 'kubectl.kubernetes.io/default-container': byDefault },
  containers: entries.map((entry) => {
    const [name, image = 'other/image:1'] = entry.split('=');
    return { name, image };
  }),
});

test('the main container is found by its name, as the default container of kubectl, or as the only one with its image', () => {
  const CORE = 'registry:5000/stellar/stellar-core:v21@sha256:ab';
  const mainOf = (...pod: Parameters<typeof named>) => {
    const decision = decide(named(...pod));
    return decision.kind === 'inject' ? decision.main : decision.reason;
  };
  assert.equal(mainOf('proxy', 'proxy', 'stellar-node', 'health'), 1);
  assert.equal(mainOf('core', 'proxy', `logs=${CORE}`, 'core'), 2);
  assert.equal(mainOf(undefined, 'proxy', `core=${CORE}`, 'health'), 1);
  assert.equal(mainOf('gone', 'proxy', 'core=stellar-core:v21'), 1);
  const unsure: Array<Parameters<typeof named>> = [
    [undefined, 'proxy', 'core'],
    [undefined, 'proxy', 'core=my/stellar-core-fork:1'],
    [undefined, `proxy=${CORE}`, `core=${CORE}`],
  ];
  for (const pod of unsure)
    assert.deepEqual(mainOf(...pod), { code: 'NoMainContainer', detail: 'proxy, core' });
});

test('a pod that an earlier version injected in another container counts as injected', () => {
  const inFirst = (...names: string[]) => {
    const [first, ...others] = names.map((name) => ({
      name,
      image: `my/${name}:1`,
      volumeMounts: [] as object[],
    }));
    first?.volumeMounts.push(mount());
    return shape({ containers: [...(first ? [first] : []), ...others], volumes: [volume()] });
  };
  assert.equal(isInjected(inFirst('core', 'health'), 'v1'), true);
  assert.equal(isInjected(inFirst('proxy', 'stellar-core'), 'v1'), true);
  assert.equal(isInjected(inFirst('proxy', 'stellar-node'), 'v1'), false);
});

test('parts that the pod already has are not added again', () => {
  const env = [{ name: 'KNOWN_PEERS_FILE', value: '/etc/stellar/peers/peers.txt' }];
  const decision = decide({ containers: [{ ...main(mount()), env }], volumes: [volume()] });
  const none = {
    kind: 'inject',
    main: 0,
    places: PLACES,
    addVolume: false,
    addMount: false,
    addEnv: false,
    warnings: [],
  };
  assert.deepEqual(decision, none);
});

test('our volume without its mount gets the mount, even if a sidecar mounts the volume', () => {
  const containers = [main(), { name: 'reader', volumeMounts: [mount('/peers')] }];
  const decision = decide({ containers, volumes: [volume()] });
  assert.deepEqual([decision.kind === 'inject' && [decision.addVolume, decision.addMount]], [[false, true]]);
});

test('a volume with our name and other content stops injection, because the name is taken', () => {
  const emptyDir = { name: 'stellar-peers', emptyDir: {} };
  const everything = { name: 'stellar-peers', configMap: { name: 'stellar-peers' } };
  for (const foreign of [emptyDir, everything, volume('v2')]) {
    assertTaken({ volumes: [foreign] }, 'volume stellar-peers');
  }
});

test('a mount with our name but no volume stops injection, because a claim template may add the volume', () => {
  assertTaken({ containers: [main(mount())] }, 'mount of stellar-peers in stellar-node');
  const initContainers = [{ name: 'seed', volumeMounts: [mount('/x')] }];
  assertTaken({ initContainers }, 'mount of stellar-peers in seed');
});

test('our volume at another path of the main container stops injection', () => {
  assertTaken(
    { containers: [main(mount('/peers'))], volumes: [volume()] },
    'mount at /peers in stellar-node',
  );
});

test('a mount at or below our path, or at the root, stops injection, and a mount beside our path does not', () => {
  for (const path of ['/etc/stellar/peers', '/etc/stellar/peers/', '/etc//stellar/peers', '/']) {
    assertTaken({ containers: [main(mount(path, 'data'))] }, `mount at ${path} in stellar-node`);
  }
  assertTaken(
    { containers: [main(mount('/etc/stellar/peers/extra', 'x'))] },
    'mount at /etc/stellar/peers/extra in stellar-node',
  );
  for (const path of ['/etc/stellar/tls', '/etc/stellar/peers2', '/config']) {
    assert.equal(decide({ containers: [main(mount(path, 'data'))] }).kind, 'inject');
  }
});

test('a pod with a mount above our path gets its files at another path, and then counts as injected', () => {
  const aside = '/stellar-peers/peers';
  for (const path of ['/etc/stellar', '/etc/stellar/', 'etc', '/etc']) {
    const above = mount(path, 'settings');
    const decision = decide({ containers: [main(above)] });
    assert.deepEqual(decision.kind === 'inject' && decision.places, {
      peers: aside,
      original: '/stellar-peers/original',
    });
    const env = [{ name: 'KNOWN_PEERS_FILE', value: `${aside}/peers.txt` }];
    const parts = { containers: [{ ...main(above, mount(aside)), env }], volumes: [volume()] };
    assert.equal(isInjected(shape(parts), 'v1'), true);
    const again = decide(parts);
    assert.deepEqual(again.kind === 'inject' && [again.addMount, again.addEnv, again.warnings], [
      false,
      false,
      [],
    ]);
  }
  assertTaken(
    { containers: [main(mount('/etc', 'e'), mount(aside, 'data'))] },
    `mount at ${aside} in stellar-node`,
  );
});

test('mounts of other containers at our path do not matter', () => {
  const containers = [main(), { name: 'side', volumeMounts: [mount('/etc/stellar/peers', 'data')] }];
  assert.equal(decide({ containers }).kind, 'inject');
});

test('an env variable with our name is kept, with a warning', () => {
  const taken = [
    { name: 'KNOWN_PEERS_FILE', value: '/elsewhere' },
    { name: 'KNOWN_PEERS_FILE', valueFrom: { configMapKeyRef: { name: 'x', key: 'y' } } },
  ];
  for (const env of taken) {
    const decision = decide({ containers: [{ name: 'stellar-node', env: [env] }] });
    assert.deepEqual(decision.kind === 'inject' && [decision.addEnv, decision.warnings], [
      false,
      [{ code: 'EnvTaken' }],
    ]);
  }
});

test('opting out counts before anything else', () => {
  const code = (parts: Parts, optedOut: boolean) => {
    const decision = decide(parts, optedOut);
    return decision.kind === 'skip' ? decision.reason.code : 'inject';
  };
  assert.equal(code({ volumes: [{ name: 'stellar-peers' }] }, true), 'OptedOut');
  assert.equal(code({ annotations: { 'stellar.org/peer-injection': 'disabled' } }, false), 'OptedOut');
  assert.equal(code({ annotations: { 'stellar.org/peer-injection': 'off' } }, false), 'OptedOut');
  assert.equal(code({ annotations: { 'stellar.org/peer-injection': 'enabled' } }, false), 'inject');
});

test('any value but "enabled" opts out, and no value does not', () => {
  assert.deepEqual([undefined, 'enabled', 'disabled', 'off', ''].map(optsOut), [
    false,
    false,
    true,
    true,
    true,
  ]);
});

test('a pod without containers is unreadable', () => {
  assert.deepEqual(decide({ containers: [] }), {
    kind: 'skip',
    reason: { code: 'UnreadablePod', detail: 'it has no containers' },
  });
});

test('a pod counts as injected if our volume is mounted, whatever its annotations say', () => {
  const injected = shape({ containers: [{ name: 'side' }, main(mount())], volumes: [volume()] });
  assert.equal(isInjected(injected), true);
  assert.equal(isInjected(injected, 'v1'), true);
  assert.equal(isInjected(injected, 'v2'), false);
  const annotations = { 'stellar.org/peer-hash': 'x', 'stellar.org/peers': 'v1:' };
  for (const parts of [
    { annotations },
    { volumes: [volume()] },
    { volumes: [volume()], containers: [main(), { name: 'side', volumeMounts: [mount()] }] },
    { volumes: [{ name: 'stellar-peers', emptyDir: {} }], containers: [main(mount())] },
    {
      volumes: [{ name: 'stellar-peers', configMap: { name: 'stellar-peers' } }],
      containers: [main(mount())],
    },
    { volumes: [volume()], containers: [main(mount('/peers'))] },
  ]) {
    assert.equal(isInjected(shape(parts)), false, JSON.stringify(parts));
  }
});

test('a mount path without a slash at its start is read as the kubelet reads it', () => {
  const volumes = [{ name: 'cache', emptyDir: {} }];
  const containers = [main(mount('etc/stellar/peers', 'cache'))];
  assertTaken({ containers, volumes }, 'mount at etc/stellar/peers in stellar-node');
});

test('annotations that leave no room for ours stop injection, because the API server would refuse the pod', () => {
  const note = (bytes: number) => ({ note: 'x'.repeat(bytes - 'note'.length) });
  const most = 256 * 1024 - 1152;
  assert.equal(decide({ annotations: note(most) }).kind, 'inject');
  assert.equal(decide({ annotations: { ...note(most), 'stellar.org/peers': 'v1:00000000' } }).kind, 'inject');
  const restarted = { 'stellar.org/peer-restart': `${'0'.repeat(16)}.00000000` };
  assert.equal(decide({ annotations: { ...note(most), ...restarted } }).kind, 'inject', 'restarted by us');
  const evictable = 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes';
  const again = { ...note(most), [evictable]: 'stellar-peers-config' };
  assert.equal(decide({ annotations: again }).kind, 'inject', 'asked again');
  const others = { ...note(most - evictable.length - 1), [evictable]: 'a,stellar-peers-config' };
  assert.equal(decide({ annotations: others }).kind, 'inject');
  const long = { ...note(most), [evictable]: 'x' };
  assertTaken({ annotations: long }, `${most + evictable.length + 1} bytes of annotations`);
  assertTaken({ annotations: note(most + 1) }, `${most + 1} bytes of annotations`);
});
