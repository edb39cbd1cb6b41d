/** The configuration files of one machine: for containerd, its network and the kubelet. */
import { join } from 'node:path';
import { PAUSE } from './images.ts';

const BINARIES = join(import.meta.dirname, '../../.cache/bin');
/** The addresses of all pods on all machines. */
export const POD_RANGE = '10.244.0.0/16';
export const SERVICE_RANGE = '10.96.0.0/16';
/** The address of the control plane's machine, which also answers DNS. */
export const MASTER = '10.99.0.1';
export const SOCKET = '/run/containerd/containerd.sock';

/** The configuration of containerd; `folder` has the files of the network. */
export const containerdToml = (folder: string, runc: string): string => `version = 3
root = '/var/lib/containerd'
state = '/run/containerd'
[grpc]
  address = '${SOCKET}'
[plugins.'io.containerd.cri.v1.images']
  snapshotter = 'overlayfs'
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = '${PAUSE}'
[plugins.'io.containerd.cri.v1.runtime']
  # Without the right to lower the score no sandbox would start.
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ['${BINARIES}']
  conf_dir = '${folder}/cni'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = 'io.containerd.runc.v2'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  BinaryName = '${runc}'
  SystemdCgroup = false
`;

/** The configuration of the bridge for the pods of machine `number`. */
export const networkJson = (number: number): string =>
  JSON.stringify({
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        ...{ type: 'bridge', bridge: 'pods', isGateway: true, hairpinMode: true },
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: `10.244.${number}.0/24` }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  });

/** The configuration of a kubelet. */
export const kubeletJson = (folder: string): string =>
  JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    // Works with either version of cgroups, and leaves those of the machine alone.
    failCgroupV1: false,
    cgroupDriver: 'cgroupfs',
    cgroupsPerQOS: false,
    enforceNodeAllocatable: [],
    failSwapOn: false,
    localStorageCapacityIsolation: false,
    makeIPTablesUtilChains: false,
    imageGCHighThresholdPercent: 100,
    evictionHard: { 'memory.available': '1%' },
    containerRuntimeEndpoint: `unix://${SOCKET}`,
    clusterDNS: [MASTER],
    clusterDomain: 'cluster.local',
    resolvConf: join(folder, 'resolv.conf'),
    syncFrequency: '10s',
    // Anonymous requests are safe, because this network cannot be reached from outside.
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
  });

/** The configuration of the kube-proxy of a machine. */
export const proxyJson = (kubeconfig: string, name: string): string =>
  JSON.stringify({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    hostnameOverride: name,
    clientConnection: { kubeconfig },
    clusterCIDR: POD_RANGE,
    // 0 leaves the limit of the whole machine unchanged.
    conntrack: { maxPerCore: 0, min: 0 },
    nftables: { masqueradeAll: true },
  });
