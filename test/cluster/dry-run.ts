/** Pods as a StatefulSet makes them, and what the API server makes of them without keeping them. */
import { execFile } from 'node:child_process';
import type { KubeObject } from '../../runtime/kube/port.ts';
import type { Cluster } from './boot.ts';
import { binary } from './control-plane.ts';

const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

/** A pod of the StatefulSet's template, owned by it, with a name of its own. */
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

/** What would be stored, and our warnings to the creator of the pod; rejects where the API server refuses it. */
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
