/**
 * Policies of clusters that an API server enforces: Pod Security, LimitRanges, quotas, and CEL rules in place of those of
 * OpenShift's SCCs, Gatekeeper and Kyverno.
 */

export interface Policy {
  readonly title: string;
  /** Labels of the namespace. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly limits?: readonly object[];
  readonly quotas?: readonly object[];
  /** CEL over `object` and its containers, which are `variables.all`. A rule that cannot be evaluated refuses the pod. */
  readonly rule?: string;
  /** True if the policy refuses no pod of the table. */
  readonly admitsAll?: boolean;
}

const security = (level: string): Policy => ({
  title: `Pod Security ${level}`,
  labels: { 'pod-security.kubernetes.io/enforce': level },
  admitsAll: level === 'privileged',
});
const limits = (title: string, ...ranges: object[]): Policy => ({
  title: `a LimitRange with ${title}`,
  limits: ranges,
});
const quota = (title: string, spec: object, admitsAll = false): Policy => ({
  title: `a quota of ${title}`,
  quotas: [spec],
  admitsAll,
});
const rule = (title: string, ...parts: string[]): Policy => ({ title, rule: parts.join(' && ') });

const each = (condition: string): string => `variables.all.all(c, ${condition})`;
/** A rule: neither the pod nor any container has `field` in its securityContext. */
const none = (field: string): string =>
  `!has(object.spec.securityContext.${field}) && ` +
  each(`!has(c.securityContext) || !has(c.securityContext.${field})`);
/** A rule: `field` has this value in the securityContext of the pod, or of each container. */
const said = (field: string, value: string): string =>
  `(has(object.spec.securityContext.${field}) && object.spec.securityContext.${field}${value}) || ` +
  each(`c.securityContext.${field}${value}`);
const SCC_VOLUMES = ['configMap', 'csi', 'downwardAPI', 'emptyDir', 'persistentVolumeClaim', 'projected'];

const ALL_OF = { cpu: '100', memory: '200Gi' };
const PER_REQUEST = { 'requests.cpu': '100', 'requests.memory': '200Gi' };
const PER_LIMIT = { 'limits.cpu': '100', 'limits.memory': '200Gi', 'limits.ephemeral-storage': '50Gi' };

export const POLICIES: readonly Policy[] = [
  security('privileged'),
  security('baseline'),
  security('restricted'),

  limits('min', { type: 'Container', min: { cpu: '500m', memory: '1Gi' } }),
  limits('max', { type: 'Container', max: { cpu: '1', memory: '2Gi', 'ephemeral-storage': '1Gi' } }),
  limits('maxLimitRequestRatio', { type: 'Container', maxLimitRequestRatio: { cpu: '1', memory: '1' } }),
  limits('defaults that are all the same', {
    type: 'Container',
    default: { cpu: '1', memory: '1Gi' },
    defaultRequest: { cpu: '1', memory: '1Gi' },
    max: { cpu: '2', memory: '2Gi' },
  }),
  limits('defaults of requests only', {
    type: 'Container',
    defaultRequest: { cpu: '100m' },
    min: { cpu: '100m' },
    max: { cpu: '2', memory: '2Gi' },
  }),
  limits('min and max of pods', {
    type: 'Pod',
    min: { cpu: '200m', memory: '64Mi' },
    max: { cpu: '2', memory: '4Gi' },
    maxLimitRequestRatio: { memory: '1' },
  }),

  quota('requests', { hard: PER_REQUEST }),
  quota('limits', { hard: PER_LIMIT }),
  quota('requests and limits', { hard: { ...ALL_OF, ...PER_LIMIT } }),
  quota('exactly what two containers request', { hard: { 'requests.cpu': '2', 'limits.memory': '4Gi' } }),
  quota('pods', { hard: { pods: '1', 'count/pods': '1' } }, true),
  quota('no pod but BestEffort ones', { hard: { pods: '0' }, scopes: ['NotBestEffort'] }),
  quota('no BestEffort pod', { hard: { pods: '0' }, scopes: ['BestEffort'] }),

  rule('an SCC under which no seccomp profile is named', none('seccompProfile')),
  rule('an SCC under which no user is named', none('runAsUser')),
  rule('an SCC under which no SELinux label is named', none('seLinuxOptions')),
  rule(
    'an SCC that allows certain types of volumes',
    `object.spec.volumes.all(v, ${SCC_VOLUMES.map((type) => `has(v.${type})`).join(' || ')})`,
  ),
  rule(
    'no local volume without a limit',
    'object.spec.volumes.all(v, !has(v.emptyDir) || has(v.emptyDir.sizeLimit))',
  ),
  rule(
    'no writable mount of a ConfigMap',
    each('c.volumeMounts.all(m, !(m.name in variables.maps) || (has(m.readOnly) && m.readOnly))'),
  ),
  rule('no AppArmor profile is named', none('appArmorProfile')),
  rule('an AppArmor profile is named', said('appArmorProfile.type', " != 'Unconfined'")),
  rule('users and groups are named', said('runAsUser', ' == 10000'), said('runAsGroup', ' == 10000')),
  rule('one seccomp profile only', said('seccompProfile.localhostProfile', " == 'a.json'")),
  rule('privileged: false is named for each container', each('c.securityContext.privileged == false')),
  rule('a capability is dropped by its name', each("'NET_RAW' in c.securityContext.capabilities.drop")),
  rule('a way to mount /proc is named', each("c.securityContext.procMount == 'Default'")),
  rule('a root file system is read-only', each('c.securityContext.readOnlyRootFilesystem')),
  rule(
    'requests and limits of memory are the same',
    each("quantity(c.resources.limits['memory']).compareTo(quantity(c.resources.requests['memory'])) == 0"),
  ),
  rule('limits of disks are named', each("'ephemeral-storage' in c.resources.limits")),
  rule(
    'images of one registry, always pulled, and no hugepages',
    each("c.image.startsWith('registry.example.org/') && c.imagePullPolicy == 'Always'"),
    each("!has(c.resources.limits) || !('hugepages-2Mi' in c.resources.limits)"),
  ),
];

const ONE_CONTAINER = { cpu: '500m', memory: '1Gi' };
const scoped = (scope: string, pods: string): object => ({ hard: { pods }, scopes: [scope] });

/** Quotas that one pod of the operator uses up, for pods that are really created. */
export const COUNTED: readonly Policy[] = [
  {
    title: 'a quota of processors and memory, with defaults by a LimitRange,',
    limits: [{ type: 'Container', default: ONE_CONTAINER, min: ONE_CONTAINER, max: ONE_CONTAINER }],
    quotas: [
      { hard: { pods: '1', 'requests.cpu': '1', 'requests.memory': '2Gi' } },
      { hard: { 'limits.cpu': '1', 'limits.memory': '2Gi' } },
      ...[scoped('NotBestEffort', '1'), scoped('BestEffort', '0')],
    ],
  },
  {
    title: 'a quota of BestEffort pods',
    quotas: [scoped('BestEffort', '1'), scoped('NotBestEffort', '0'), { hard: { 'count/pods': '1' } }],
  },
];
