/** Unusual pods of a validator: the unusual part of each, and the expected admission. */

// biome-ignore lint/suspicious/noExplicitAny: raw pods are changed here as a person would edit them.
type Raw = any;

export interface OddPod {
  readonly title: string;
  readonly change: (pod: Raw) => void;
  /** Code of the warning that the creator of the pod sees; undefined for none. */
  readonly warning?: 'NotInjectable' | 'EnvTaken' | 'UnreadablePod';
  /** False where admission leaves the pod as it is. */
  readonly injected: boolean;
}

const VOLUME = 'stellar-peers';
const PATH = '/etc/stellar/peers';
const emptyDir = (name: string) => ({ name, emptyDir: {} });
const sidecar = (name: string) => ({ name, image: 'sidecar' });
const mainOf = (pod: Raw) => pod.spec.containers.find(({ name }: Raw) => name === 'stellar-node');

/** A volume of another name, mounted at `mountPath` in the main container. */
const mountedAt =
  (mountPath: string, more = {}) =>
  (pod: Raw): void => {
    pod.spec.volumes.push(emptyDir('cache'));
    mainOf(pod).volumeMounts.push({ name: 'cache', mountPath, ...more });
  };

const ourVolume = (node: string, ...keys: string[]) => ({
  name: VOLUME,
  configMap: {
    name: VOLUME,
    optional: true,
    items: keys.map((key) => ({ key: `${node}.${key}`, path: key })),
  },
});

/** The API server's limit for all annotations of an object together. */
const ANNOTATION_BYTES_MAX = 256 * 1024;

/** Annotations of exactly `bytes`, keys included. */
function annotate(pod: Raw, bytes: number): void {
  pod.metadata.annotations = { note: 'x'.repeat(bytes - 'note'.length) };
}

export const ODD_PODS: readonly OddPod[] = [
  { title: 'as its operator makes it', change: () => {}, injected: true },
  {
    title: 'with a sidecar at index 0',
    change: ({ spec }) => spec.containers.unshift(sidecar('proxy')),
    injected: true,
  },
  {
    title: 'with sidecars on both sides',
    change: ({ spec }) => {
      spec.containers = [sidecar('proxy'), ...spec.containers, sidecar('logs')];
    },
    injected: true,
  },
  {
    title: 'whose main container has another name',
    change: (pod) => {
      mainOf(pod).name = 'core';
    },
    injected: true,
  },
  {
    title: 'whose name the API server generates',
    change: ({ metadata }) => {
      metadata.generateName = `${metadata.name}-`;
      delete metadata.name;
    },
    injected: true,
  },
  {
    title: 'without volumes, mounts and variables',
    change: ({ spec }) => {
      delete spec.volumes;
      for (const container of spec.containers) delete container.volumeMounts;
    },
    injected: true,
  },
  {
    title: 'with empty lists',
    change: ({ metadata, spec }) => {
      metadata.annotations = {};
      spec.volumes = [];
      spec.initContainers = [];
      for (const container of spec.containers) Object.assign(container, { volumeMounts: [], env: [] });
    },
    injected: true,
  },
  {
    title: 'without a ServiceAccount token',
    change: ({ spec }) => {
      spec.automountServiceAccountToken = false;
      delete spec.volumes;
      for (const container of spec.containers) delete container.volumeMounts;
    },
    injected: true,
  },
  {
    title: 'with init containers, one of which stays',
    change: ({ spec }) => {
      const mount = { name: 'data', mountPath: PATH };
      spec.initContainers = [
        { ...sidecar('prepare'), volumeMounts: [mount] },
        { ...sidecar('stays'), restartPolicy: 'Always' },
      ];
    },
    injected: true,
  },
  {
    title: 'with a volume of our name',
    change: ({ spec }) => spec.volumes.push(emptyDir(VOLUME)),
    warning: 'NotInjectable',
    injected: false,
  },
  {
    title: 'with a volume of our name, mounted by a sidecar',
    change: ({ spec }) => {
      spec.volumes.push(emptyDir(VOLUME));
      spec.containers.push({ ...sidecar('logs'), volumeMounts: [{ name: VOLUME, mountPath: '/logs' }] });
    },
    warning: 'NotInjectable',
    injected: false,
  },
  {
    title: 'with the whole ConfigMap as a volume of our name',
    change: ({ spec }) => spec.volumes.push({ name: VOLUME, configMap: { name: VOLUME } }),
    warning: 'NotInjectable',
    injected: false,
  },
  {
    title: 'with another validator’s keys in a volume of our name',
    change: ({ spec }) => spec.volumes.push(ourVolume('validator-2', 'peers.txt', 'peers.toml')),
    warning: 'NotInjectable',
    injected: false,
  },
  {
    title: 'with another volume at our path',
    change: mountedAt(PATH),
    warning: 'NotInjectable',
    injected: false,
  },
  {
    title: 'with another volume at our path, written with a slash at its end',
    change: mountedAt(`${PATH}/`),
    warning: 'NotInjectable',
    injected: false,
  },
  {
    title: 'with another volume at our path, written without the slash at its start',
    change: mountedAt(PATH.slice(1)),
    warning: 'NotInjectable',
    injected: false,
  },
  {
    title: 'with a mount above our path',
    change: mountedAt('/etc/stellar', { readOnly: true }),
    injected: true,
  },
  {
    title: 'with a mount below our path',
    change: mountedAt(`${PATH}/peers.txt`, { subPath: 'peers.txt' }),
    warning: 'NotInjectable',
    injected: false,
  },
  {
    title: 'with a device at our path',
    change: (pod) => {
      pod.spec.volumes.push({ name: 'disk', persistentVolumeClaim: { claimName: 'disk' } });
      mainOf(pod).volumeDevices = [{ name: 'disk', devicePath: PATH }];
    },
    warning: 'UnreadablePod',
    injected: false,
  },
  {
    title: 'with a mount whose path only begins like ours',
    change: mountedAt(`${PATH}-of-old`),
    injected: true,
  },
  {
    title: 'with a variable of our name',
    change: (pod) => {
      mainOf(pod).env = [{ name: 'KNOWN_PEERS_FILE', value: '/data/peers' }];
    },
    warning: 'EnvTaken',
    injected: true,
  },
  {
    title: 'with a variable of our name and a valueFrom',
    change: (pod) => {
      const fieldRef = { fieldPath: 'metadata.name' };
      mainOf(pod).env = [{ name: 'KNOWN_PEERS_FILE', valueFrom: { fieldRef } }];
    },
    warning: 'EnvTaken',
    injected: true,
  },
  {
    title: 'that already has half of our additions',
    change: ({ spec }) => spec.volumes.push(ourVolume('validator-1', 'peers.txt', 'peers.toml')),
    injected: true,
  },
  {
    title: 'with annotations that only admission may claim',
    change: ({ metadata }) => {
      metadata.annotations = {
        'stellar.org/peers': 'v1:00000000',
        'stellar.org/peer-hash': '0',
        'a/b': 'x~y',
      };
    },
    injected: true,
  },
  {
    title: 'with room for just a few more annotations',
    change: (pod) => annotate(pod, ANNOTATION_BYTES_MAX - 1152),
    injected: true,
  },
  {
    title: 'with as many annotations as an object may have',
    change: (pod) => annotate(pod, ANNOTATION_BYTES_MAX),
    warning: 'NotInjectable',
    injected: false,
  },
  {
    title: 'on the host’s network, with a projected volume, whose main container has no probes',
    change: (pod) => {
      pod.spec.hostNetwork = true;
      const downwardAPI = { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] };
      pod.spec.volumes.push({ name: 'facts', projected: { sources: [{ downwardAPI }] } });
      for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) delete mainOf(pod)[probe];
    },
    injected: true,
  },
  {
    title: 'that opts out by itself',
    change: ({ metadata }) => {
      metadata.annotations = { 'stellar.org/peer-injection': 'disabled' };
    },
    injected: false,
  },
  {
    title: 'whose opt-out has another value',
    change: ({ metadata }) => {
      metadata.annotations = { 'stellar.org/peer-injection': 'off' };
    },
    injected: false,
  },
];
