/** When a pod gets the sidecar, which configuration the sidecar reads, and which resources it requests. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decideMerge } from '../../../peers/injection/merge.ts';
import { decideReload, peerReloadOf, type ReloadMode, type Risk } from '../../../peers/injection/reload.ts';
import { mainContainerOf, podShapeOf } from '../../../peers/read/pod-shape.ts';

const CONFIG = { name: 'config', mountPath: '/config' };
const MAIN = { name: 'stellar-node', image: 'stellar/stellar-core:v21', volumeMounts: [CONFIG] };
const FREE = { resources: {}, isTried: false };
const HEALTH = { name: 'health', image: 'health' };

interface Asked {
  readonly main?: object;
  readonly spec?: object;
  readonly annotation?: 'on' | 'off';
  readonly config?: string;
  readonly mode?: ReloadMode;
  readonly risk?: Risk;
}

function decide({ main = {}, spec = {}, annotation, config, mode = 'auto', risk = 'once' }: Asked = {}) {
  const containers = [{ ...MAIN, ...main }, HEALTH];
  const pod = podShapeOf({
    spec: { containers, volumes: [{ name: 'config', configMap: { name: 'c' } }], ...spec },
  });
  const container = mainContainerOf(pod);
  assert.ok(container);
  const merge = decideMerge(pod, container, { annotation: config, mode: 'auto' });
  return decideReload(pod, container, { annotation, mode, merge, risk });
}
const kindOf = (asked: Asked) => decide(asked).kind;
const fileOf = (asked: Asked) => {
  const found = decide({ config: 'off', annotation: 'on', ...asked });
  return found.kind === 'add' ? found.file : found.kind;
};
const resourcesOf = (asked: Asked) => {
  const found = decide({ annotation: 'on', ...asked });
  return found.kind === 'add' ? found.resources : found.kind;
};

describe('the sidecar', () => {
  it('is added with a merged configuration, and reads that configuration', () => {
    const found = decide();
    assert.deepEqual(found, {
      kind: 'add',
      file: '/config/stellar-core.cfg',
      mount: undefined,
      ...FREE,
    });
    assert.equal(kindOf({ config: '/config/other.cfg' }), 'add');
  });

  it('is not added if localhost is that of the machine, and `explain` shows this decision', () => {
    const found = decide({ spec: { hostNetwork: true }, annotation: 'on' });
    assert.equal(found.kind === 'left' && found.reason.code, 'ReloadLeftOut');
    assert.equal(kindOf({ spec: { hostNetwork: false } }), 'add');
  });

  it('is not added if a setting or an annotation says off, or without a merge unless asked for', () => {
    assert.equal(kindOf({ mode: 'off' }), 'none');
    assert.equal(kindOf({ mode: 'off', annotation: 'on' }), 'none');
    assert.equal(kindOf({ annotation: 'off' }), 'none');
    assert.equal(kindOf({ config: 'off' }), 'none');
    assert.equal(kindOf({ main: { image: 'own:1' }, config: 'off' }), 'none');
  });

  it('is added without a merge if the annotation says on, and reads the configuration that the container is started with', () => {
    assert.deepEqual(decide({ config: 'off', annotation: 'on' }), {
      ...{ kind: 'add', file: '/config/stellar-core.cfg', mount: 0, ...FREE },
    });
    assert.equal(fileOf({ main: { args: ['run', '--conf', '/opt/own.cfg'] } }), '/opt/own.cfg');
    assert.equal(
      fileOf({ main: { command: ['stellar-core', '--conf=own.cfg'], workingDir: '/w' } }),
      '/w/own.cfg',
    );
    assert.equal(fileOf({ main: { args: ['--conf', '$CONF'] } }), '/config/stellar-core.cfg');
    assert.equal(fileOf({ main: { volumeMounts: [] } }), 'left');
  });

  it('is left out if its name is taken, or the name of the image says that the image has no shell', () => {
    const named = { name: 'stellar-peers-reload', image: 'x' };
    assert.equal(kindOf({ spec: { containers: [MAIN, HEALTH, named] } }), 'left');
    const image = 'stellar/stellar-core:v21-distroless';
    assert.equal(kindOf({ main: { image }, annotation: 'on' }), 'left');
  });

  it('is neither added again nor removed if the pod already has it', () => {
    const sidecar = { name: 'stellar-peers-reload', image: 'x', restartPolicy: 'Always' };
    assert.equal(kindOf({ spec: { initContainers: [sidecar] } }), 'present');
    const merger = { name: 'stellar-peers-config', image: 'x' };
    const mounts = [{ name: 'stellar-peers-config', mountPath: '/config' }];
    const volumes = [{ name: 'stellar-peers-config', emptyDir: {} }];
    const spec = { volumes, initContainers: [merger] };
    assert.equal(kindOf({ main: { volumeMounts: mounts }, spec }), 'none');
    assert.equal(kindOf({ main: { volumeMounts: mounts }, spec, annotation: 'on' }), 'none');
  });
});

describe('the resource request of the sidecar', () => {
  const SAME = { cpu: '1', memory: '1Gi' };
  const both = (resources: object): Asked => ({
    spec: {
      containers: [
        { ...MAIN, resources },
        { ...HEALTH, resources },
      ],
    },
  });

  it('is empty, unless every container names the same resources: then the sidecar is tried', () => {
    assert.deepEqual(resourcesOf({ main: { resources: { requests: SAME, limits: SAME } } }), {});
    assert.equal(kindOf({ main: { resources: { requests: SAME, limits: SAME } } }), 'add');
    for (const resources of [{ requests: { cpu: '1' } }, { limits: { memory: '1Gi' } }, { limits: SAME }])
      for (const risk of ['asked', 'never'] as const)
        assert.equal(kindOf({ ...both(resources), risk }), 'left', JSON.stringify(resources));
    const burstable = both({ requests: SAME });
    assert.equal(kindOf(burstable), 'add');
    assert.equal(kindOf({ ...burstable, annotation: 'on', risk: 'asked' }), 'add');
    assert.equal(kindOf({ ...burstable, annotation: 'on', risk: 'never' }), 'left', 'it was refused');
    assert.equal(kindOf(both({ limits: SAME })), 'left', 'it is Guaranteed');
    const other = { name: 'own', image: 'x' };
    const spec = { ...both({ requests: SAME }).spec, initContainers: [other] };
    assert.equal(kindOf({ spec, risk: 'never' }), 'add', 'an init container names nothing');
  });

  it('is 0 of each resource that every container names', () => {
    assert.deepEqual(resourcesOf(both({ requests: { ...SAME, 'example.org/gpu': '1' } })), {
      requests: { cpu: '0', memory: '0' },
    });
    const more = { cpu: '2', memory: '1Gi', 'ephemeral-storage': '1Gi' };
    assert.deepEqual(resourcesOf(both({ requests: SAME, limits: more })), {
      limits: { cpu: '0', memory: '0', 'ephemeral-storage': '0' },
      requests: { cpu: '0', memory: '0' },
    });
  });

  it('is a fixed size if the annotation says on and the containers make the pod Guaranteed', () => {
    const sizes = { cpu: '100m', memory: '256Mi' };
    assert.deepEqual(resourcesOf(both({ limits: SAME, requests: SAME })), { limits: sizes, requests: sizes });
    assert.deepEqual(resourcesOf(both({ limits: SAME })), { limits: sizes, requests: sizes });
    const { spec } = both({ limits: SAME, requests: SAME });
    assert.deepEqual(resourcesOf({ spec: { ...spec, resources: { limits: SAME } } }), {
      limits: { cpu: '0', memory: '0' },
      requests: { cpu: '0', memory: '0' },
    });
  });
});

describe('the annotation', () => {
  it('is on or off, and any other value counts as off', () => {
    assert.deepEqual([undefined, 'on', 'off', 'On', 'true', ''].map(peerReloadOf), [
      ...[undefined, 'on', 'off', 'off', 'off', 'off'],
    ]);
  });
});
