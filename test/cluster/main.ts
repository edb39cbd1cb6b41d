/** `make cluster`: boots a cluster with the stand-in operator in it and stays until Ctrl-C. */
import { join } from 'node:path';
import { bootCluster } from './boot.ts';
import { binary } from './control-plane.ts';
import { startOperator } from './operator.ts';

const stopAsked = new Promise<NodeJS.Signals>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, resolve);
});

const startedAtMs = performance.now();
process.stdout.write('booting etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok …\n');
const cluster = await bootCluster();
const operator = startOperator(cluster.admin);
const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
process.stdout.write(`ready after ${seconds} s; StellarNodes become StatefulSets. In another terminal:

  export KUBECONFIG=${cluster.kubeconfigPath}
  export PATH=${join(binary('kubectl'), '..')}:$PATH     # kubectl 1.37
  kubectl get nodes

logs: ${join(cluster.dir, 'logs')}
Ctrl-C stops it all.
`);
await stopAsked;
process.stdout.write('\nstopping\n');
await operator.stop();
await cluster.stop();
