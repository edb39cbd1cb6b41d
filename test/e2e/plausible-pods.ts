/**
 * Plausible changes to a validator's pod. The API server accepts most of the changed pods, so its checks really test our
 * additions.
 */
import fc from 'fast-check';

// biome-ignore lint/suspicious/noExplicitAny: raw pods are changed here as a person would edit them.
type Raw = any;
type Change = (pod: Raw) => void;

const main = (pod: Raw) => pod.spec.containers.find(({ name }: Raw) => name === 'stellar-node');
const each = (pod: Raw): Raw[] => [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
const mountOf = (pod: Raw): Raw =>
  main(pod).volumeMounts?.find(({ mountPath }: Raw) => mountPath === '/config');

const inMain =
  (fields: object): Change =>
  (pod) =>
    Object.assign(main(pod), fields);
const inSecurity =
  (fields: object): Change =>
  (pod) =>
    inMain({ securityContext: { ...main(pod).securityContext, ...fields } })(pod);
const inSpec =
  (fields: object): Change =>
  ({ spec }) =>
    Object.assign(spec, fields);
const inMount =
  (fields: object): Change =>
  (pod) =>
    Object.assign(mountOf(pod) ?? {}, fields);
const configFrom =
  (source: object): Change =>
  ({ spec }) => {
    const index = spec.volumes?.findIndex(({ name }: Raw) => name === 'config') ?? -1;
    if (index >= 0) spec.volumes[index] = { name: 'config', ...source };
  };
const requests = (cpu: string, memory: string) => ({ requests: { cpu, memory } });

const CHANGES: readonly Change[] = [
  (pod) => {
    pod.spec.os = { name: 'windows' };
    pod.spec.securityContext = {};
    for (const container of each(pod)) delete container.securityContext;
  },
  inSpec({ os: { name: 'linux' } }),
  inSpec({ hostUsers: false }),
  inSpec({ hostNetwork: true }),
  inSpec({ shareProcessNamespace: true }),
  inSpec({ schedulingGates: [{ name: 'example.org/wait' }] }),
  inSpec({ resources: requests('8', '16Gi') }),
  inSpec({ resources: { limits: { cpu: '8', memory: '16Gi' }, ...requests('8', '16Gi') } }),
  inSpec({ securityContext: { seccompProfile: { type: 'Unconfined' }, fsGroup: 1, runAsUser: 0 } }),
  inSpec({
    securityContext: { runAsNonRoot: true, sysctls: [{ name: 'kernel.shm_rmid_forced', value: '1' }] },
  }),
  inSpec({ initContainers: [{ name: 'first', image: 'x', restartPolicy: 'Always' }] }),
  inSpec({
    initContainers: [{ name: 'first', image: 'x', volumeMounts: [{ name: 'config', mountPath: '/x' }] }],
  }),
  inSpec({
    terminationGracePeriodSeconds: 0,
    restartPolicy: 'Never',
    dnsPolicy: 'None',
    dnsConfig: { nameservers: ['1.1.1.1'] },
  }),
  inSecurity({ privileged: true, allowPrivilegeEscalation: true }),
  inSecurity({ capabilities: { add: ['SYS_ADMIN', 'NET_RAW'], drop: ['ALL'] } }),
  inSecurity({ runAsUser: 0, runAsGroup: 0, runAsNonRoot: false }),
  inSecurity({ runAsUser: 2 ** 31 - 1 }),
  inSecurity({ procMount: 'Unmasked' }),
  inSecurity({ seLinuxOptions: { level: 's0:c1,c2' } }),
  inSecurity({ seccompProfile: { type: 'Localhost', localhostProfile: 'a/b.json' } }),
  inSecurity({ appArmorProfile: { type: 'Localhost', localhostProfile: 'x' } }),
  inSecurity({ appArmorProfile: { type: 'Unconfined' } }),
  inMain({ resources: {} }),
  inMain({
    resources: { limits: { cpu: '1', memory: '1Gi', 'hugepages-2Mi': '2Mi' }, ...requests('1', '1Gi') },
  }),
  inMain({ resources: { limits: { 'example.org/gpu': '1' } } }),
  inMain({ resources: { limits: { cpu: '100m' }, requests: { cpu: '0.1', 'ephemeral-storage': '1e3' } } }),
  inMain({ resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] }),
  inMain({ imagePullPolicy: 'Never', tty: true, stdin: true, stdinOnce: true }),
  inMain({ image: 'registry.example.org:5000/a/b/stellar-core@sha256:0123456789abcdef0123456789abcdef' }),
  inMain({ image: 'x'.repeat(4_000) }),
  inMain({
    lifecycle: { preStop: { sleep: { seconds: 3 } } },
    terminationMessagePath: '/x',
    workingDir: '/y',
  }),
  inMain({ envFrom: [{ configMapRef: { name: 'x' } }], env: [{ name: 'A', value: '$(B)' }] }),
  inMain({ env: [{ name: 'KNOWN_PEERS_FILE' }] }),
  inMain({ env: [{ name: 'A' }, { name: 'A', value: 'twice' }] }),
  inMount({ readOnly: true, recursiveReadOnly: 'IfPossible' }),
  inMount({ readOnly: true, recursiveReadOnly: 'Enabled', mountPropagation: 'None' }),
  inMount({ mountPropagation: 'HostToContainer' }),
  inMount({ mountPath: '/config/' }),
  inMount({ mountPath: '//config' }),
  inMount({ mountPath: 'config' }),
  inMount({ mountPath: '/config/stellar-core.cfg', subPath: 'stellar-core.cfg' }),
  inMount({ subPathExpr: '$(STELLAR_CORE_WORKER_THREADS)' }),
  inMount({ readOnly: false }),
  configFrom({ secret: { secretName: 's', optional: true, defaultMode: 256 } }),
  configFrom({ configMap: { name: 'c', items: [{ key: 'a', path: 'b/c', mode: 7 }] } }),
  configFrom({ projected: { sources: [{ configMap: { name: 'c' } }, { secret: { name: 's' } }] } }),
  configFrom({ downwardAPI: { items: [{ path: 'n', fieldRef: { fieldPath: 'metadata.name' } }] } }),
  configFrom({ image: { reference: 'registry.example.org/config:1' } }),
  configFrom({ hostPath: { path: '/srv' } }),
  configFrom({ emptyDir: {} }),
  configFrom({
    ephemeral: {
      volumeClaimTemplate: {
        spec: { accessModes: ['ReadOnlyMany'], resources: { requests: { storage: '1Gi' } } },
      },
    },
  }),
  ({ metadata }) => {
    metadata.annotations = {
      ...metadata.annotations,
      'container.apparmor.security.beta.kubernetes.io/stellar-node': 'unconfined',
    };
  },
  ({ metadata }) => {
    metadata.annotations = {
      ...metadata.annotations,
      'stellar.org/peers': 'x',
      'kubernetes.io/config.mirror': 'x',
    };
  },
  ({ metadata }) =>
    Object.assign(metadata, { finalizers: ['example.org/keep'], generateName: `${'g'.repeat(200)}-` }),
  ({ metadata }) =>
    Object.assign(metadata.labels, {
      [`${'p'.repeat(50)}.example.org/${'n'.repeat(63)}`]: 'v'.repeat(63),
    }),
  ({ spec }) =>
    spec.containers.push({
      name: 'n'.repeat(63),
      image: 'x',
      volumeMounts: [{ name: 'config', mountPath: '/etc/stellar/peers' }],
    }),
  ({ spec }) =>
    spec.containers.push(...Array.from({ length: 60 }, (_, index) => ({ name: `c-${index}`, image: 'x' }))),
  ({ spec }) =>
    spec.volumes.push(...Array.from({ length: 200 }, (_, index) => ({ name: `v-${index}`, emptyDir: {} }))),
];

/** Some of the changes, to be applied in order. A change that finds nothing to change does nothing. */
export const plausibleChanges: fc.Arbitrary<readonly Change[]> = fc.subarray([...CHANGES], {
  minLength: 1,
  maxLength: 4,
});
