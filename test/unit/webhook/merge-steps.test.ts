/** The pod that a merged configuration makes: what is copied from the main container, and what is not. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it, test } from 'node:test';
import { parse } from 'yaml';
import { admit } from '../../../webhook/admit.ts';
import { applied } from '../../../webhook/applied.ts';
import { EMPTY_STAMP } from '../../../webhook/patch.ts';
import { assertInjected, assertUntouched } from './untouched.ts';

// biome-ignore lint/suspicious/noExplicitAny: raw pods are read here as a person would read them.
type Raw = any;

const GOLDEN = new URL('../../golden/admission/operator.input.yaml', import.meta.url);
const operatorPod = (): Raw => parse(readFileSync(GOLDEN, 'utf8'));

/** What admission makes of the operator's pod, changed before. */
function admitted(change: (pod: Raw) => void = () => undefined, config?: string) {
  const pod = operatorPod();
  change(pod);
  const outcome = admit(pod, { node: 'validator-1', optedOut: false, stamp: EMPTY_STAMP, config });
  const result: Raw = applied(pod, outcome.operations);
  assertUntouched(pod, result);
  const init = result.spec.initContainers?.find(({ name }: Raw) => name === 'stellar-peers-config');
  return {
    result,
    init,
    main: result.spec.containers[0],
    warnings: outcome.warnings.map(({ code }) => code),
  };
}

const main = (pod: Raw) => pod.spec.containers[0];

describe('the init container', () => {
  it('is the main container’s image, pulled as that is, behind the pod’s own init containers', () => {
    const { init, result } = admitted((pod) => {
      main(pod).imagePullPolicy = 'Always';
      pod.spec.initContainers = [{ name: 'own', image: 'own' }];
    });
    assert.deepEqual([init.image, init.imagePullPolicy], ['stellar/stellar-core:v21.0.0', 'Always']);
    assert.deepEqual(
      result.spec.initContainers.map(({ name }: Raw) => name),
      ['own', 'stellar-peers-config'],
    );
    assert.ok(!('imagePullPolicy' in admitted().init));
  });

  it('asks for the processors, memory and disk that the main container asks for, and for nothing else of its', () => {
    const common = { cpu: '1', memory: '2Gi', 'ephemeral-storage': '1Gi' };
    const { init } = admitted((pod) => {
      const claims = [{ name: 'device' }];
      main(pod).resources = { limits: { ...common, 'example.org/gpu': 1 }, requests: common, claims };
    });
    assert.deepEqual(init.resources, { limits: common, requests: common });
    assert.deepEqual(admitted().init.resources, {});
  });

  it('fits Pod Security restricted, and runs as the user that the main container runs as', () => {
    const strict = {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    };
    const own = { runAsUser: 7, runAsGroup: 8, runAsNonRoot: true, seccompProfile: { type: 'Localhost' } };
    const loose = { privileged: true, allowPrivilegeEscalation: true, capabilities: { add: ['NET_ADMIN'] } };
    const { init } = admitted((pod) => {
      main(pod).securityContext = { ...own, ...loose };
    });
    assert.deepEqual(init.securityContext, { ...own, ...strict });
    const runtimeDefault = { seccompProfile: { type: 'RuntimeDefault' } };
    assert.deepEqual(admitted().init.securityContext, { ...runtimeDefault, ...strict });
    const byPod = admitted((pod) => {
      pod.spec.securityContext.seccompProfile = { type: 'Localhost' };
    });
    assert.deepEqual(byPod.init.securityContext, strict, 'the pod’s own profile holds');
  });

  it('sees the original and the peers read-only, and writes to the volume in memory only', () => {
    assert.deepEqual(admitted().init.volumeMounts, [
      { name: 'config', mountPath: '/etc/stellar/peers-original', readOnly: true },
      { name: 'stellar-peers', mountPath: '/etc/stellar/peers', readOnly: true },
      { name: 'stellar-peers-config', mountPath: '/etc/stellar/peers-merged' },
    ]);
  });
});

describe('the main container', () => {
  it('finds the merged folder at the very path, and its own with everything else about it kept', () => {
    const { main: after } = admitted((pod) => {
      Object.assign(main(pod).volumeMounts[1], { mountPath: '/config/', recursiveReadOnly: 'IfPossible' });
    });
    assert.deepEqual(after.volumeMounts[1], {
      name: 'stellar-peers-config',
      mountPath: '/config/',
      readOnly: true,
    });
    assert.deepEqual(after.volumeMounts.at(-1), {
      name: 'config',
      mountPath: '/etc/stellar/peers-original',
      readOnly: true,
      recursiveReadOnly: 'IfPossible',
    });
  });

  it('is injected all the same where the configuration is left alone, with a warning', () => {
    const subPath = admitted((pod) => Object.assign(main(pod).volumeMounts[1], { subPath: 'x' }));
    const unknown = admitted(() => undefined, 'sometimes');
    for (const [found, code] of [
      [subPath, 'ConfigNotReplaceable'],
      [unknown, 'UnknownPeerConfig'],
    ] as const) {
      assert.deepEqual(found.warnings, [code]);
      assert.equal(found.init, undefined);
      assertInjected(found.result, 'validator-1');
    }
  });

  it('is injected all the same where its mounts are not what they seem', () => {
    const { warnings, init, result } = admitted((pod) => main(pod).volumeMounts.unshift('odd'));
    assert.deepEqual(warnings, ['ConfigNotReplaceable']);
    assert.equal(init, undefined);
    assert.ok(result.spec.volumes.some(({ name }: Raw) => name === 'stellar-peers'));
  });
});

/** Each of these changes one thing that is copied. */
const DIFFERENCES: Readonly<Record<string, (pod: Raw) => void>> = {
  image: (pod) => Object.assign(main(pod), { image: 'other.example/stellar-core:v1' }),
  pullPolicy: (pod) => Object.assign(main(pod), { imagePullPolicy: 'Never' }),
  mount: (pod) => Object.assign(main(pod).volumeMounts[1], { mountPropagation: 'None' }),
  noLimits: (pod) => Object.assign(main(pod), { resources: { requests: {} } }),
  limits: (pod) => Object.assign(main(pod), { resources: { limits: {} } }),
  profileOfPod: (pod) => Object.assign(pod.spec.securityContext, { seccompProfile: { type: 'Localhost' } }),
  ...Object.fromEntries(
    ['limits', 'requests'].flatMap((kind) =>
      ['cpu', 'memory', 'ephemeral-storage'].map((what) => [
        `${kind}: ${what}`,
        (pod: Raw) => Object.assign(main(pod), { resources: { [kind]: { [what]: '7' } } }),
      ]),
    ),
  ),
  ...Object.fromEntries(
    ['runAsUser', 'runAsGroup', 'runAsNonRoot', 'seLinuxOptions', 'seccompProfile', 'appArmorProfile'].map(
      (what) => [what, (pod: Raw) => Object.assign(main(pod), { securityContext: { [what]: { is: 7 } } })],
    ),
  ),
};

test('pods that differ in one thing only are told apart, whichever came before', () => {
  const made = (name?: string) => {
    const file = name === 'file' ? '/config/other.cfg' : undefined;
    const { init, main: after } = admitted(name === undefined ? undefined : DIFFERENCES[name], file);
    return JSON.stringify([init, after.volumeMounts]);
  };
  const names = [undefined, 'file', ...Object.keys(DIFFERENCES)];
  const first = names.map(made);
  assert.equal(new Set(first).size, names.length);
  assert.deepEqual(names.toReversed().map(made).toReversed(), first);
});
