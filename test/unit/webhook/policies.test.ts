/**
 * What we add to a pod never demands what the pod itself does not: a policy under which it was admitted before admits it
 * with us. Policies stand in for those of clusters, told without the code that makes patches.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Risk } from '../../../peers/injection/reload.ts';
import { applied } from '../../../webhook/patch/applied.ts';
import { EMPTY_STAMP } from '../../../webhook/patch/patch.ts';
import { admit } from '../../../webhook/review/admit.ts';

// biome-ignore lint/suspicious/noExplicitAny: raw pods are read here as a person would read them.
type Raw = any;

const RUNTIME_DEFAULT = { seccompProfile: { type: 'RuntimeDefault' } };
const STRICT = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
const FULL = { cpu: '1', memory: '2Gi', 'ephemeral-storage': '1Gi' };

/** What pods say for all of their containers. */
const OF_PODS = [{}, { runAsNonRoot: true, ...RUNTIME_DEFAULT }, { runAsUser: 10_000, fsGroup: 10_000 }];
/** What their containers say. */
const OF_CONTAINERS = [
  {},
  STRICT,
  { ...STRICT, ...RUNTIME_DEFAULT, runAsNonRoot: true },
  { seccompProfile: { type: 'Localhost', localhostProfile: 'a.json' } },
  { runAsUser: 10_000, runAsGroup: 10_000 },
  { runAsUser: 0 },
  { privileged: true },
  { capabilities: { add: ['NET_ADMIN'] } },
  { appArmorProfile: { type: 'Localhost', localhostProfile: 'a' }, seLinuxOptions: { level: 's0:c1,c2' } },
];
const RESOURCES = [
  {},
  { requests: FULL },
  { limits: FULL, requests: FULL },
  { limits: { cpu: '2', memory: '4Gi' }, requests: { cpu: '1', memory: '2Gi' } },
  { limits: { cpu: '1' } },
  { limits: { ...FULL, 'example.org/gpu': '1' }, requests: FULL },
];

const podOf = (ofPod: object, ofContainer: object, resources: object) => ({
  metadata: { name: 'v-0' },
  spec: {
    securityContext: ofPod,
    containers: ['stellar-node', 'health'].map((name) => ({
      name,
      image: 'stellar/stellar-core:v21',
      securityContext: ofContainer,
      resources,
      ...(name === 'health' ? {} : { volumeMounts: [{ name: 'config', mountPath: '/config' }] }),
    })),
    volumes: [{ name: 'config', configMap: { name: 'c' } }],
  },
});

const PODS = OF_PODS.flatMap((ofPod) =>
  OF_CONTAINERS.flatMap((of) => RESOURCES.map((resources) => podOf(ofPod, of, resources))),
);

const allOf = ({ spec }: Raw): Raw[] => [...(spec.initContainers ?? []), ...spec.containers];
const securityOf = (pod: Raw, container: Raw): Raw => ({
  ...pod.spec.securityContext,
  ...container.securityContext,
});
/** A policy that asks something of each container. */
const each =
  (holds: (security: Raw, container: Raw) => boolean) =>
  (pod: Raw): boolean =>
    allOf(pod).every((container) => holds(securityOf(pod, container), container));

const UNITS: Readonly<Record<string, number>> = { Gi: 1024, Mi: 1 };
const amount = (text: string): number => Number.parseFloat(text) * (UNITS[text.replace(/^[\d.]+/, '')] ?? 1);
/** As the API server fills it in: what is limited is requested. */
const requestsOf = ({ resources = {} }: Raw): Raw => ({ ...resources.limits, ...resources.requests });
const limitsOf = ({ resources = {} }: Raw): Raw => resources.limits ?? {};
const isExplicit = (pod: Raw, field: string): boolean =>
  [pod.spec, ...allOf(pod)].some(({ securityContext }) => securityContext?.[field] !== undefined);
const sum = (list: Raw[], of: (container: Raw) => Raw, name: string): number =>
  list.reduce((all, container) => all + amount(of(container)[name] ?? '0'), 0);
const isSidecar = ({ restartPolicy }: Raw): boolean => restartPolicy === 'Always';
/** Of a pod the larger of its largest init container and of its containers together, each beside its sidecars. */
const usage = (
  { spec: { containers, initContainers: inits = [] } }: Raw,
  of: (one: Raw) => Raw,
  name: string,
) =>
  Math.max(
    sum([...containers, ...inits.filter(isSidecar)], of, name),
    ...inits.map((one: Raw, index: number) => {
      const before = inits.slice(0, index).filter(isSidecar);
      return sum([one, ...before], of, name);
    }),
  );

const ratioOf = (container: Raw, name: string): number =>
  amount(limitsOf(container)[name] ?? '0') / amount(requestsOf(container)[name] ?? '1');
const VOLUME_KINDS = ['configMap', 'emptyDir', 'secret', 'projected', 'downwardAPI', 'persistentVolumeClaim'];
const hasPlainVolumes = ({ spec }: Raw): boolean =>
  spec.volumes.every((volume: Raw) => VOLUME_KINDS.some((kind) => volume[kind] !== undefined));
const isConfined = ({ seccompProfile }: Raw): boolean =>
  ['RuntimeDefault', 'Localhost'].includes(seccompProfile?.type);
const isBaseline = each(
  ({ privileged, capabilities, seccompProfile }) =>
    !privileged && !capabilities?.add?.includes('NET_ADMIN') && seccompProfile?.type !== 'Unconfined',
);

const POLICIES: Readonly<Record<string, (pod: Raw) => boolean>> = {
  'OpenShift SCC restricted: no seccomp profile is named': (pod) =>
    isBaseline(pod) && hasPlainVolumes(pod) && !isExplicit(pod, 'seccompProfile'),
  'OpenShift SCC: no user id but the one of its range': each(({ runAsUser }) =>
    [undefined, 10_000].includes(runAsUser),
  ),
  'OpenShift SCC: no SELinux label of its own': (pod) => !isExplicit(pod, 'seLinuxOptions'),
  'no AppArmor profile is named': (pod) => !isExplicit(pod, 'appArmorProfile'),
  'Pod Security baseline': (pod) => isBaseline(pod) && hasPlainVolumes(pod),
  'Pod Security restricted': each(
    (security) =>
      isConfined(security) &&
      security.runAsNonRoot === true &&
      security.runAsUser !== 0 &&
      security.allowPrivilegeEscalation === false &&
      security.capabilities?.drop?.includes('ALL') === true,
  ),
  'users are named': each(({ runAsUser, runAsGroup }) => runAsUser === 10_000 && runAsGroup === 10_000),
  'a profile of AppArmor is named': each(({ appArmorProfile }) => appArmorProfile?.type === 'Localhost'),
  'one seccomp profile only': each(({ seccompProfile }) => seccompProfile?.localhostProfile === 'a.json'),
  'a quota of requests: all name them': each((_, container) =>
    ['cpu', 'memory'].every((name) => requestsOf(container)[name] !== undefined),
  ),
  'a quota of limits: all name them': each((_, container) =>
    ['cpu', 'memory'].every((name) => limitsOf(container)[name] !== undefined),
  ),
  'a LimitRange with min': each((_, container) =>
    Object.keys(FULL).every((name) => amount(requestsOf(container)[name] ?? '0') >= 1),
  ),
  'a LimitRange with max': each((_, container) => amount(limitsOf(container).cpu ?? '9') <= 1),
  'a LimitRange with maxLimitRequestRatio': each((_, container) =>
    ['cpu', 'memory'].every((name) => limitsOf(container)[name] && ratioOf(container, name) <= 1),
  ),
  'only images of one registry': each((_, { image }) => image.startsWith('stellar/')),
};

/** The pod as admission gives it back in the end, its configuration merged. */
function withUs(pod: Raw, peerReload?: 'on', risk: Risk = peerReload ? 'asked' : 'never'): Raw {
  const { operations } = admit(pod, { node: 'v', optedOut: false, stamp: EMPTY_STAMP, peerReload, risk });
  const after: Raw = applied(pod, operations);
  assert.equal(after.spec.initContainers?.[0]?.name, 'stellar-peers-config', 'its configuration is merged');
  assert.ok(peerReload === undefined || hasSidecar(after), 'it has the sidecar');
  return after;
}
const hasSidecar = ({ spec }: Raw): boolean => spec.initContainers.some(isSidecar);
const isGuaranteed = (pod: Raw): boolean =>
  allOf(pod).every((container) =>
    ['cpu', 'memory'].every((name) => limitsOf(container)[name] && ratioOf(container, name) === 1),
  );

describe('a pod that was admitted before is admitted with us under', () => {
  for (const [name, admits] of Object.entries(POLICIES)) {
    it(name, () => {
      const before = PODS.filter(admits);
      assert.ok(before.length > 0, 'the policy admits some pods');
      for (const pod of before) assert.ok(admits(withUs(pod)), JSON.stringify(pod.spec));
    });
  }
});

/** What refuses the amount 0, which the sidecar has where each container names an amount. */
const REFUSING_0 = new Set(['a LimitRange with min']);

describe('a pod that comes for the first time', () => {
  it('is refused for its sidecar by a LimitRange only that wants more than 0 of each container', () => {
    const refusing = Object.entries(POLICIES).filter(([, admits]) =>
      PODS.filter(admits).some((pod) => !admits(withUs(pod, undefined, 'once'))),
    );
    assert.deepEqual(new Set(refusing.map(([name]) => name)), REFUSING_0);
  });

  it('has the sidecar unless it is Guaranteed', () => {
    for (const pod of PODS) assert.equal(hasSidecar(withUs(pod, undefined, 'once')), !isGuaranteed(pod));
  });
});

describe('a pod with us', () => {
  it('takes no more of any quota, and has the same class of service', () => {
    for (const pod of PODS) {
      const after = withUs(pod);
      for (const asked of [requestsOf, limitsOf])
        for (const name of [...Object.keys(FULL), 'example.org/gpu'])
          assert.equal(usage(after, asked, name), usage(pod, asked, name), name);
      assert.equal(isGuaranteed(after), isGuaranteed(pod));
    }
  });

  it('has the sidecar by itself where a container asks for nothing, so that no policy can demand more of it', () => {
    for (const pod of PODS)
      assert.equal(
        hasSidecar(withUs(pod)),
        Object.keys(pod.spec.containers[0]?.resources ?? {}).length === 0,
      );
    for (const resources of RESOURCES) {
      const pod: Raw = podOf({}, {}, resources);
      delete pod.spec.containers[1].resources;
      const sidecar = withUs(pod).spec.initContainers.find(isSidecar);
      assert.deepEqual(sidecar?.resources, {});
    }
  });

  it('and the sidecar on demand keeps its class, and takes more of a quota only where it is Guaranteed', () => {
    for (const pod of PODS) {
      const after = withUs(pod, 'on');
      assert.equal(isGuaranteed(after), isGuaranteed(pod));
      const sidecar = after.spec.initContainers.find(isSidecar);
      const [demandsRequests, demandsLimits] = [requestsOf, limitsOf].map((of) =>
        ['cpu', 'memory'].every((name) => of(pod.spec.containers[0])[name] !== undefined),
      );
      for (const name of ['cpu', 'memory']) {
        if (demandsRequests) assert.ok(requestsOf(sidecar)[name] !== undefined, 'a quota demands it');
        if (demandsLimits) assert.ok(limitsOf(sidecar)[name] !== undefined, 'a quota demands it');
        const more = usage(after, requestsOf, name) - usage(pod, requestsOf, name);
        assert.equal(more > 0, isGuaranteed(pod), name);
      }
    }
  });
});
