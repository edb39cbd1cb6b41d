/** Calls to our webhook as the API server itself counts them. */

import type { Cluster } from './boot.ts';
import { runKubectl } from './kubectl.ts';

export interface WebhookCalls {
  /** All calls, failed ones included. */
  readonly called: number;
  /** Calls that failed, for which the pod was let through as it was. */
  readonly failedOpen: number;
  /** Pods that were refused because of the webhook. */
  readonly rejected: number;
}

const NAME = 'name="pods.peers.stellar.org"';

/** The counters of the API server since its start. */
export async function webhookCalls(cluster: Cluster): Promise<WebhookCalls> {
  const page = await runKubectl(cluster.dir, cluster.kubeconfigPath, ['get', '--raw', '/metrics']);
  const lines = page.split('\n').filter((line) => line.includes(NAME));
  const sum = (series: string) =>
    lines
      .filter((line) => line.startsWith(`${series}{`))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
  return {
    called: sum('apiserver_admission_webhook_request_total'),
    failedOpen: sum('apiserver_admission_webhook_fail_open_count'),
    rejected: sum('apiserver_admission_webhook_rejection_count'),
  };
}
