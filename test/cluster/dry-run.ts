/** Sends a pod to the API server as a dry run, in the form in which a StatefulSet creates it. */
import { execFile } from 'node:child_process';
import type { KubeObject } from '../../runtime/kube/port.ts';
import type { Cluster } from './boot.ts';
import { binary } from './control-plane.ts';

const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

/** A pod from the StatefulSet's template, owned by the StatefulSet, with the given name. */
export function podOfSet(
  set: KubeObject,
  { namespace, name }: { namespace: string; name: string },
): KubeObject {
  const { metadata, spec } = (set.spec as { template: KubeObject }).template;
  const { name: setName, uid = '' } = set.metadata;
  const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: setName, uid, controller: true };
  const own = { ...metadata, name, namespace, ownerReferences: [owner] };
  return structuredClone({ apiVersion: 'v1', kind: 'Pod', metadata: own, spec }) as unknown as KubeObject;
}

/** The pod that would be stored, and our warnings to its creator. Rejects if the API server refuses the pod. */
export function dryRun(cluster: Cluster, pod: object): Promise<{ pod: KubeObject; warnings: string[] }> {
  const flags = ['--dry-run=server', '--validate=strict', '-o', 'json', '-f', '-'];
  const args = [`--kubeconfig=${cluster.kubeconfigPath}`, 'create', ...flags];
  return new Promise((resolve, reject) => {
    const child = execFile(
      binary('kubectl'),
      args,
      { maxBuffer: OUTPUT_BYTES_MAX },
      (error, stdout, stderr) => {
        if (error) return reject(new Error(`the API server refused the pod: ${stderr}`, { cause: error }));
        const warnings = stderr.split('\n').filter((line) => line.startsWith('Warning: stellar-peers:'));
        resolve({ pod: JSON.parse(stdout) as KubeObject, warnings });
      },
    );
    child.stdin?.end(JSON.stringify(pod));
  });
}
