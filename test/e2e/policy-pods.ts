/** Pods of a validator that differ in the fields that policies check: users, rights and resources. */
import type { KubeObject } from '../../runtime/kube/port.ts';

const RUNTIME_DEFAULT = { seccompProfile: { type: 'RuntimeDefault' } };
const STRICT = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
const OPERATORS = {
  ...{ ...STRICT, ...RUNTIME_DEFAULT, privileged: false, readOnlyRootFilesystem: true, runAsNonRoot: true },
};
const APP_ARMOR = 'container.apparmor.security.beta.kubernetes.io';

/** The securityContexts of pods. */
const OF_PODS: readonly object[] = [
  {},
  { runAsNonRoot: true, ...RUNTIME_DEFAULT },
  { runAsUser: 10_000, runAsGroup: 10_000, fsGroup: 10_000 },
  { appArmorProfile: { type: 'RuntimeDefault' } },
];
/** The securityContexts of containers. */
const OF_CONTAINERS: readonly object[] = [
  {},
  STRICT,
  OPERATORS,
  { ...OPERATORS, capabilities: { drop: ['NET_RAW', 'ALL'] } },
  { seccompProfile: { type: 'Localhost', localhostProfile: 'a.json' } },
  { runAsUser: 10_000, runAsGroup: 10_000 },
  { runAsUser: 0 },
  { privileged: true },
  { capabilities: { add: ['NET_ADMIN'] } },
  { appArmorProfile: { type: 'Localhost', localhostProfile: 'a' }, seLinuxOptions: { level: 's0:c1,c2' } },
  { procMount: 'Default' },
];

const FULL = { cpu: '1', memory: '2Gi', 'ephemeral-storage': '1Gi' };
const HUGE = { cpu: '1', memory: '1Gi', 'hugepages-2Mi': '64Mi' };
/** The resources of each container. */
const RESOURCES: readonly object[] = [
  {},
  { requests: FULL },
  { limits: FULL },
  { limits: FULL, requests: FULL },
  { limits: { cpu: '2', memory: '4Gi' }, requests: { cpu: '1', memory: '2Gi' } },
  { limits: { cpu: '1' } },
  { requests: { memory: '64Mi' } },
  { limits: { ...FULL, 'example.org/gpu': '1' }, requests: FULL },
  { limits: HUGE, requests: HUGE },
];
/** The resources of the pod as a whole. */
const OF_ALL: readonly object[] = [
  { requests: { cpu: '4', memory: '8Gi' }, limits: { cpu: '4', memory: '8Gi' } },
  { requests: { cpu: '4', memory: '8Gi' } },
];

const CONFIG = { name: 'config', configMap: { name: 'v-config' } };

interface Looks {
  readonly ofPod?: object;
  readonly ofContainer?: object;
  readonly resources?: object;
  /** False if the mount of the configuration is writable. Default true. */
  readonly readOnly?: boolean;
  /** More fields of the spec, which replace fields of the same name. */
  readonly spec?: object;
  readonly annotations?: Readonly<Record<string, string>>;
}

const container = (name: string, { ofContainer = OPERATORS, resources = {} }: Looks) => ({
  name,
  image: 'registry.example.org/stellar-core:v21',
  imagePullPolicy: 'Always',
  securityContext: ofContainer,
  resources,
});

function podOf(looks: Looks): Pick<KubeObject, 'metadata' | 'spec'> {
  const main = container('stellar-node', looks);
  const volumeMounts = [
    { name: 'data', mountPath: '/opt/stellar/data' },
    { name: 'config', mountPath: '/config', readOnly: looks.readOnly ?? true },
  ];
  const spec = {
    securityContext: looks.ofPod ?? { runAsNonRoot: true },
    containers: [{ ...main, volumeMounts }, container('stellar-health-check', looks)],
    volumes: [CONFIG, { name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
    ...looks.spec,
  };
  return { metadata: { name: 'v-0', annotations: { ...looks.annotations } }, spec };
}

/** The AppArmor annotations, in the form in which the operator writes them. */
const confined = (profile: string) => ({
  [`${APP_ARMOR}/stellar-node`]: profile,
  [`${APP_ARMOR}/stellar-health-check`]: profile,
});

const LOOKS: readonly Looks[] = [
  // Every second pair is enough: each securityContext of a container still occurs with two of a pod.
  ...OF_PODS.flatMap((ofPod, row) =>
    OF_CONTAINERS.map((ofContainer, column) => ({
      ...{ ofPod, ofContainer },
      resources: RESOURCES[(row + column) % RESOURCES.length] ?? {},
    })).filter((_, column) => (row + column) % 2 === 0),
  ),
  ...RESOURCES.map((resources) => ({ resources })),
  ...OF_ALL.flatMap((resources) => [
    { spec: { resources } },
    { resources: { requests: FULL }, spec: { resources } },
  ]),
  { annotations: confined('runtime/default') },
  { annotations: confined('localhost/a') },
  { annotations: confined('unconfined') },
  { spec: { hostUsers: false } },
  { readOnly: false },
  { spec: { volumes: [CONFIG, { name: 'data', emptyDir: {} }] } },
  { spec: { volumes: [CONFIG, { name: 'data', hostPath: { path: '/data' } }] } },
];

/** All pods of the table; no two are the same. */
export const POLICY_PODS: ReadonlyArray<Pick<KubeObject, 'metadata' | 'spec'>> = LOOKS.map(podOf);
