/** The pod of a validator with a merged configuration: which fields we copy from the main container, and which not. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it, test } from 'node:test';
import { parse } from 'yaml';
import { applied } from '../../../webhook/patch/applied.ts';
import { EMPTY_STAMP } from '../../../webhook/patch/patch.ts';
import { admit } from '../../../webhook/review/admit.ts';
import { assertInjected, assertUntouched } from './untouched.ts';

// biome-ignore lint/suspicious/noExplicitAny: raw pods are read here as a person would read them.
type Raw = any;

const GOLDEN = new URL('../../golden/admission/operator.input.yaml', import.meta.url);
const operatorPod = (): Raw => parse(readFileSync(GOLDEN, 'utf8'));

const initOf = ({ spec }: Raw): Raw =>
  spec.initContainers?.find(({ name }: Raw) => name === 'stellar-peers-config');

/** The operator's pod after `change` and admission. */
function admitted(change: (pod: Raw) => void = () => undefined, config?: string) {
  const pod = operatorPod();
  change(pod);
  const outcome = admit(pod, { node: 'validator-1', optedOut: false, stamp: EMPTY_STAMP, config });
  const result: Raw = applied(pod, outcome.operations);
  assertUntouched(pod, result);
  return {
    result,
    init: initOf(result),
    main: result.spec.containers[0],
    warnings: outcome.warnings.map(({ code }) => code),
  };
}

const main = (pod: Raw) => pod.spec.containers[0];
/** The annotation as the operator writes it for the main container. */
const APP_ARMOR = 'container.apparmor.security.beta.kubernetes.io/stellar-node';

describe('the init container', () => {
  it('has the image and the pull policy of the main container, and comes after the pod’s own init containers', () => {
    const { init, result } = admitted((pod) => {
      main(pod).imagePullPolicy = 'Always';
      pod.spec.initContainers = [{ name: 'own', image: 'own' }];
    });
    assert.deepEqual([init.image, init.imagePullPolicy], ['stellar/stellar-core:v21.0.0', 'Always']);
    assert.deepEqual(
      result.spec.initContainers.map(({ name }: Raw) => name),
      ['own', 'stellar-peers-config', 'stellar-peers-reload'],
    );
    assert.ok(!('imagePullPolicy' in admitted().init));
  });

  it('requests the same CPU, memory and disk as the main container, and no other resource', () => {
    const common = { cpu: '1', memory: '2Gi', 'ephemeral-storage': '1Gi' };
    const { init } = admitted((pod) => {
      const claims = [{ name: 'device' }];
      main(pod).resources = { limits: { ...common, 'example.org/gpu': 1 }, requests: common, claims };
    });
    assert.deepEqual(init.resources, { limits: common, requests: common });
    assert.deepEqual(admitted().init.resources, {});
  });

  it('fits Pod Security restricted, and runs as the user of the main container', () => {
    const strict = {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    };
    const own = { runAsUser: 7, runAsGroup: 8, runAsNonRoot: true, seccompProfile: { type: 'Localhost' } };
    const loose = { privileged: true, allowPrivilegeEscalation: true, capabilities: { add: ['NET_ADMIN'] } };
    const { init } = admitted((pod) => {
      main(pod).securityContext = { ...own, ...loose };
      delete pod.metadata.annotations[APP_ARMOR];
    });
    assert.deepEqual(init.securityContext, { ...own, ...strict, privileged: false });
    const unnamed = admitted((pod) => delete pod.metadata.annotations[APP_ARMOR]);
    assert.deepEqual(unnamed.init.securityContext, strict, 'no profile that the pod does not name');
    const byPod = admitted((pod) => {
      pod.spec.securityContext.seccompProfile = { type: 'Localhost' };
      delete pod.metadata.annotations[APP_ARMOR];
    });
    assert.deepEqual(byPod.init.securityContext, strict, 'the pod’s own profile holds');
  });

  it('copies the whole securityContext of the main container, because a policy may ask for it in each container', () => {
    const said = { privileged: true, procMount: 'Unmasked', capabilities: { drop: ['NET_RAW'] } };
    const { init } = admitted((pod) => {
      main(pod).securityContext = { ...said, runAsUser: null };
      delete pod.metadata.annotations[APP_ARMOR];
    });
    assert.deepEqual(init.securityContext, {
      ...{ privileged: false, procMount: 'Default', capabilities: { drop: ['NET_RAW', 'ALL'] } },
      ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
    });
  });

  it('gets the AppArmor profile that an annotation sets for the main container, as the API server turns that into a field', () => {
    const profileOf = (value: string, own?: object) =>
      admitted((pod) => {
        pod.metadata.annotations = { [APP_ARMOR]: value };
        if (own) main(pod).securityContext = { appArmorProfile: own };
      }).init.securityContext.appArmorProfile;
    assert.deepEqual(profileOf('runtime/default'), { type: 'RuntimeDefault' });
    assert.deepEqual(profileOf('unconfined'), { type: 'Unconfined' });
    assert.deepEqual(profileOf('localhost/a/b'), { type: 'Localhost', localhostProfile: 'a/b' });
    assert.equal(profileOf('localhost/'), undefined);
    assert.equal(profileOf('other'), undefined);
    const own = { type: 'Localhost', localhostProfile: 'own' };
    assert.deepEqual(profileOf('runtime/default', own), own);
  });

  it('reads peers.toml, and leaves half of the preferred peers to others only on a public network', () => {
    const argumentsOn = (isPublic: boolean) => {
      const admission = { node: 'validator-1', optedOut: false, stamp: EMPTY_STAMP, isPublic };
      const pod = operatorPod();
      const result: Raw = applied(pod, admit(pod, admission).operations);
      return initOf(result).command.slice(4);
    };
    const common = [
      '/etc/stellar/peers-original',
      'stellar-core.cfg',
      '/etc/stellar/peers/peers.toml',
      '/etc/stellar/peers-merged',
      'auto',
      '/dev/termination-log',
    ];
    assert.deepEqual(argumentsOn(false), [...common, 'all']);
    assert.deepEqual(argumentsOn(true), [...common, 'half']);
    assert.deepEqual(argumentsOn(false), [...common, 'all']);
  });

  it('sees the original and the peers read-only, and writes only to the volume in memory', () => {
    assert.deepEqual(admitted().init.volumeMounts, [
      { name: 'config', mountPath: '/etc/stellar/peers-original', readOnly: true },
      { name: 'stellar-peers', mountPath: '/etc/stellar/peers', readOnly: true },
      { name: 'stellar-peers-config', mountPath: '/etc/stellar/peers-merged' },
    ]);
  });
});

it('a configuration at /etc/stellar is merged there, and our other mounts get other paths', () => {
  const file = '/etc/stellar/stellar-core.cfg';
  const {
    main: after,
    init,
    result,
  } = admitted((pod) => {
    main(pod).volumeMounts = [{ name: 'config', mountPath: '/etc/stellar' }];
  }, file);
  assertInjected(result, 'validator-1');
  assert.deepEqual(after.volumeMounts, [
    { name: 'stellar-peers-config', mountPath: '/etc/stellar', readOnly: true },
    { name: 'stellar-peers', mountPath: '/stellar-peers/peers', readOnly: true },
    { name: 'config', mountPath: '/stellar-peers/original', readOnly: true },
  ]);
  assert.equal(after.env.at(-1).value, '/stellar-peers/peers/peers.txt');
  // The links of the init container lead to the path of the original in the main container.
  assert.equal(init.command[4], '/stellar-peers/original');
  assert.equal(init.volumeMounts[0].mountPath, '/stellar-peers/original');
  const admission = { node: 'validator-1', optedOut: false, stamp: EMPTY_STAMP, config: file };
  assert.deepEqual(admit(result, admission).operations, []);
});

describe('in a second admission, after another webhook changed the main container', () => {
  const admission = { node: 'validator-1', optedOut: false, stamp: EMPTY_STAMP };
  const again = (pod: Raw): Raw => applied(pod, admit(pod, admission).operations);
  const [small, large] = ['1', '2'].map((cpu) => ({ cpu, memory: `${cpu}Gi` }));
  const all: Raw[] = [
    undefined,
    {},
    { requests: small },
    { requests: large, limits: large },
    { limits: small },
  ];

  for (const [first, then] of all.flatMap((first) => all.map((then) => [first, then]))) {
    it(`the init container asks for ${JSON.stringify(then)} after ${JSON.stringify(first)}`, () => {
      const { result } = admitted((pod) => Object.assign(main(pod), { resources: first }));
      main(result).resources = then && { ...then, claims: [{ name: 'device' }] };
      const after = again(result);
      assert.deepEqual(initOf(after).resources, then ?? {});
      assert.deepEqual(again(after), after);
    });
  }

  it('an init container that has our name but is not ours stays unchanged', () => {
    const foreign = { name: 'stellar-peers-config', image: 'own', resources: { requests: small } };
    const { result } = admitted((pod) => Object.assign(pod.spec, { initContainers: [foreign] }));
    assert.deepEqual(result.spec.initContainers, [foreign]);
  });
});

describe('the main container', () => {
  it('finds the merged folder at the original path, and keeps its own mount, with all other fields, at another path', () => {
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

  it('is still injected, with a warning, if the configuration is not merged', () => {
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

  it('is still injected if an entry of its mounts is not a mount', () => {
    const { warnings, init, result } = admitted((pod) => main(pod).volumeMounts.unshift('odd'));
    assert.deepEqual(warnings, ['ConfigNotReplaceable']);
    assert.equal(init, undefined);
    assert.ok(result.spec.volumes.some(({ name }: Raw) => name === 'stellar-peers'));
  });
});

test('an autoscaler may delete our volume, and the volumes that it could delete before', () => {
  const key = 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes';
  const named = (value: string | null | undefined, config?: string) =>
    admitted((pod) => {
      pod.metadata.annotations = value === undefined ? undefined : { [key]: value };
    }, config).result.metadata.annotations[key];
  assert.equal(named(undefined), 'stellar-peers-config');
  assert.equal(named(null), 'stellar-peers-config');
  assert.equal(named(''), 'stellar-peers-config');
  assert.equal(named('cache,tmp'), 'cache,tmp,stellar-peers-config');
  assert.equal(named('stellar-peers-config, tmp'), 'stellar-peers-config, tmp');
  assert.equal(named(undefined, 'off'), undefined, 'without a merge there is no such volume');
});

/** Each function changes one field that we copy. */
const DIFFERENCES: Readonly<Record<string, (pod: Raw) => void>> = {
  image: (pod) => Object.assign(main(pod), { image: 'other.example/stellar-core:v1' }),
  pullPolicy: (pod) => Object.assign(main(pod), { imagePullPolicy: 'Never' }),
  mount: (pod) => Object.assign(main(pod).volumeMounts[1], { mountPropagation: 'None' }),
  noLimits: (pod) => Object.assign(main(pod), { resources: { requests: {} } }),
  limits: (pod) => Object.assign(main(pod), { resources: { limits: {} } }),
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
  appArmor: ({ metadata }) => {
    metadata.annotations[APP_ARMOR] = 'unconfined';
  },
};

test('pods that differ in one field get different results, whichever pod came before', () => {
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
