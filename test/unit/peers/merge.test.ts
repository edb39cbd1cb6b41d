/** When a configuration is merged, when it is left alone, and with which warning. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decideMerge, type MergeDecision, type MergeMode } from '../../../peers/injection/merge.ts';
import { podShapeOf } from '../../../peers/read/pod-shape.ts';

interface Mount {
  name: string;
  mountPath: string;
  readOnly?: boolean;
  subPath?: string;
  subPathExpr?: string;
}

interface Shape {
  name?: string;
  image?: string;
  command?: readonly string[];
  mounts?: readonly Mount[];
  volumes?: readonly object[];
  initContainers?: readonly object[];
  annotation?: string;
  mode?: MergeMode;
}

const CONFIG = { name: 'config', mountPath: '/config' };
const FROM_CONFIGMAP = { name: 'config', configMap: { name: 'v-config' } };

/** The decision on a pod of the operator's shape, with the given changes. */
function decide(shape: Shape = {}): MergeDecision {
  const { name = 'stellar-node', image = 'stellar/stellar-core:v21.0.0' } = shape;
  const { mounts = [CONFIG], volumes = [FROM_CONFIGMAP], initContainers = [] } = shape;
  const containers = [{ name, image, volumeMounts: mounts, command: shape.command }];
  const pod = podShapeOf({ spec: { containers, volumes, initContainers } });
  const [main] = pod.containers;
  assert.ok(main);
  return decideMerge(pod, main, { annotation: shape.annotation, mode: shape.mode ?? 'auto' });
}

const MERGED = {
  kind: 'merge',
  mount: 0,
  path: '/config',
  file: 'stellar-core.cfg',
  original: '/etc/stellar/peers-original',
};
const reasonOf = (decision: MergeDecision): string =>
  decision.kind === 'left' ? `${decision.reason.code}: ${decision.reason.detail}` : decision.kind;

describe('the recognised shape', () => {
  for (const image of [
    'stellar/stellar-core',
    'stellar/stellar-core:v21.0.0',
    'docker.io/stellar/stellar-core:21.0.0-1812.rc1.jammy',
    'registry:5000/mirror/stellar-core@sha256:abcdef',
    'ghcr.io/a/b/stellar-core:v1@sha256:abcdef',
  ]) {
    it(`is the image ${image}`, () => assert.deepEqual(decide({ image }), MERGED));
  }

  for (const image of [
    '',
    'stellar-core:v21',
    'my/stellar-core-fork:v21',
    'my/x-stellar-core',
    'stellar/stellar-core/tools',
    'stellar-core/stellar-horizon:1',
    'stellar/quickstart:latest',
    'registry/x@sha256:/stellar-core',
  ]) {
    it(`is not the image ${JSON.stringify(image)}`, () => assert.equal(decide({ image }).kind, 'none'));
  }

  it('has a main container of the operator’s name and a ConfigMap at /config', () => {
    assert.equal(decide({ name: 'core' }).kind, 'none');
    assert.equal(decide({ volumes: [{ name: 'config', secret: { secretName: 's' } }] }).kind, 'none');
    assert.equal(decide({ mounts: [{ ...CONFIG, mountPath: '/etc/config' }] }).kind, 'none');
    assert.equal(decide({ mounts: [] }).kind, 'none');
  });

  it('is recognised with a slash too many or too few', () => {
    for (const mountPath of ['/config/', 'config', '//config']) {
      assert.deepEqual(decide({ mounts: [{ ...CONFIG, mountPath }] }), { ...MERGED, path: mountPath });
    }
  });
});

describe('the annotation and the setting', () => {
  it('turn merging off, the annotation for one validator and the setting for all', () => {
    assert.equal(decide({ annotation: 'off' }).kind, 'none');
    assert.equal(decide({ mode: 'off' }).kind, 'none');
    assert.equal(decide({ mode: 'off', annotation: '/config/stellar-core.cfg' }).kind, 'none');
    assert.equal(decide({ mode: 'annotated' }).kind, 'none');
  });

  it('name the file of any image, in either mode', () => {
    const shape = { image: 'my/validator:1', name: 'core', annotation: '/config/own.cfg' };
    assert.deepEqual(decide(shape), { ...MERGED, file: 'own.cfg' });
    assert.deepEqual(decide({ ...shape, mode: 'annotated' }), { ...MERGED, file: 'own.cfg' });
    assert.deepEqual(decide({ ...shape, annotation: '/config/./x/../own.cfg' }), {
      ...MERGED,
      file: 'own.cfg',
    });
  });

  for (const annotation of [
    '',
    'On',
    'OFF',
    'config/own.cfg',
    '/config/',
    '/',
    '/config/a\nb',
    `/${'x'.repeat(600)}`,
  ]) {
    it(`cause a warning and no merge with the value ${JSON.stringify(annotation.slice(0, 20))}, and nothing is merged`, () => {
      assert.match(reasonOf(decide({ annotation })), /^UnknownPeerConfig: /);
    });
  }
});

describe('a configuration is left alone, with a warning, where', () => {
  const file = '/config/stellar-core.cfg';
  const cases: ReadonlyArray<[string, Shape, RegExp]> = [
    ['its folder is a part of a volume', { mounts: [{ ...CONFIG, subPath: 'core' }] }, /subPath mount/],
    [
      'its folder is a part named by a variable',
      { mounts: [{ ...CONFIG, subPathExpr: '$(N)' }] },
      /subPath mount/,
    ],
    [
      'it is mounted as a single file',
      { mounts: [{ ...CONFIG, mountPath: file, subPath: 'stellar-core.cfg' }] },
      /single file/,
    ],
    ['it can be written to', { annotation: file, volumes: [{ name: 'config', emptyDir: {} }] }, /written to/],
    [
      'another mount is inside its folder',
      { mounts: [CONFIG, { name: 'more', mountPath: '/config/more' }] },
      /another mount is inside, at \/config\/more/,
    ],
    ['nothing is mounted there', { annotation: '/etc/core/core.cfg' }, /no volume is mounted at \/etc\/core/],
    ['its folder lies deeper in a mount', { annotation: '/config/a/core.cfg' }, /below the mount \/config/],
    ['there is no such volume', { annotation: file, volumes: [] }, /no volume config/],
    [
      'its folder is the root',
      { annotation: '/core.cfg', mounts: [{ ...CONFIG, mountPath: '/' }] },
      /its folder is \//,
    ],
    [
      'the place for the original is taken',
      { mounts: [CONFIG, { name: 'x', mountPath: '/etc/stellar/peers-original/x' }] },
      /mounted where the original would go/,
    ],
    [
      'our volume’s name is taken',
      { volumes: [FROM_CONFIGMAP, { name: 'stellar-peers-config' }] },
      /is taken/,
    ],
    [
      'our init container’s name is taken',
      { initContainers: [{ name: 'stellar-peers-config' }] },
      /is taken/,
    ],
  ];
  for (const [title, shape, told] of cases) {
    it(title, () => {
      const found = reasonOf(decide(shape));
      assert.match(found, /^ConfigNotReplaceable: /);
      assert.match(found, told);
    });
  }
});

describe('an image whose name says that it has no shell', () => {
  const images = [
    'example.org/distroless/stellar-core:v21',
    'stellar/stellar-core:21-distroless',
    'stellar/stellar-core:v21-chiselled',
    'stellar/stellar-core:scratch',
  ];
  for (const image of images)
    it(`gets no init container, asked for or not: ${image}`, () => {
      for (const asked of [{}, { annotation: '/config/stellar-core.cfg' }])
        assert.match(reasonOf(decide({ image, ...asked })), /^NoShell: /);
    });

  for (const image of [
    'harbor.corp.example/from-scratch/stellar-core:v21',
    'distroless.corp.example/stellar/stellar-core:v21',
    'registry.corp.example:5000/scratch-space/stellar-core:21',
    'ghcr.io/chiselled-stone/stellar-core:v21',
  ])
    it(`is not told by the name of its registry or account: ${image}`, () =>
      assert.deepEqual(decide({ image }), MERGED));

  it('has no shell if only the name of its registry says debug', () => {
    assert.match(reasonOf(decide({ image: 'debug.example/stellar/stellar-core:distroless' })), /^NoShell: /);
  });

  it('still counts as having a shell if it is a debug image, or the container itself starts a shell', () => {
    assert.deepEqual(decide({ image: 'stellar/stellar-core:distroless-debug' }), MERGED);
    for (const command of [['sh', '-c', 'x'], ['/bin/bash'], ['/sbin/tini', '--', '/busybox/ash']])
      assert.deepEqual(decide({ image: 'stellar/stellar-core:distroless', command }), MERGED);
  });
});

describe('a configuration is merged', () => {
  const file = '/config/stellar-core.cfg';

  it('from a Secret, a projected volume, or a claim that is mounted read-only, where the annotation asks', () => {
    for (const source of [{ secret: { secretName: 's' } }, { projected: { sources: [] } }]) {
      assert.equal(decide({ annotation: file, volumes: [{ name: 'config', ...source }] }).kind, 'merge');
    }
    const claim = [{ name: 'config', persistentVolumeClaim: { claimName: 'c' } }];
    assert.equal(decide({ annotation: file, volumes: claim }).kind, 'left');
    assert.equal(
      decide({ annotation: file, volumes: claim, mounts: [{ ...CONFIG, readOnly: true }] }).kind,
      'merge',
    );
  });

  it('only once: a second admission finds the parts of the first', () => {
    const mounts = [
      { name: 'stellar-peers-config', mountPath: '/config' },
      { name: 'config', mountPath: '/etc/stellar/peers-original' },
    ];
    const volumes = [FROM_CONFIGMAP, { name: 'stellar-peers-config', emptyDir: { medium: 'Memory' } }];
    const initContainers = [{ name: 'stellar-peers-config' }];
    assert.equal(decide({ annotation: file, mounts, volumes, initContainers }).kind, 'merged');
  });
});
