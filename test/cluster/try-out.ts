/**
 * Installs stellar-peers in a cluster for a person to try, and waits until `check` finds nothing wrong and the status page
 * opens. Owns what `make cluster` prints then.
 */
import { runCommand } from './command.ts';
import type { Scene } from './scene.ts';
import { until } from './until.ts';

/** The longest wait, on a busy machine. */
const USABLE_DEADLINE_MS = 180_000;
/** The time between two looks; each look starts a process. */
const LOOK_EVERY_MS = 500;
const REPLICAS = 2;

/** Resolves when `check` finds nothing wrong and the pages open. Rejects after the deadline with what was seen last. */
async function untilUsable(scene: Scene, pages: readonly string[]): Promise<void> {
  const timing = { deadlineMs: USABLE_DEADLINE_MS, everyMs: LOOK_EVERY_MS };
  for (const page of pages) await until(`${page} opens`, async () => (await statusOf(page)) === 200, timing);
  const isClean = async () => {
    const { code, stdout } = await runCommand(scene.cluster, ['check']);
    if (code !== 0) throw new Error(`check ends with ${code}:\n${stdout}`);
    return true;
  };
  await until('`stellar-peers check` finds nothing wrong', isClean, timing);
}

/** Installs stellar-peers with two replicas. Resolves to the addresses of their status pages, once all is usable. */
export async function installToTry(scene: Scene): Promise<string[]> {
  const { replicas } = await scene.start(REPLICAS);
  // The replicas run beside the cluster. In the cluster, kwok simulates the pods of their Deployment, like all pods.
  const kubectl = (...args: string[]) => scene.cluster.kubectl(['-n', 'stellar-peers', ...args]);
  await kubectl('scale', 'deployment', 'stellar-peers', `--replicas=${REPLICAS}`);
  await kubectl('rollout', 'status', 'deployment/stellar-peers', `--timeout=${USABLE_DEADLINE_MS / 1000}s`);
  const pages = replicas.map(({ pagePort }) => `http://127.0.0.1:${pagePort}/`);
  await untilUsable(scene, pages);
  return pages;
}

async function statusOf(page: string): Promise<number> {
  const response = await fetch(page);
  await response.text();
  return response.status;
}

interface Ready {
  readonly tookMs: number;
  readonly logs: string;
  /** The addresses of the replicas' status pages; undefined if stellar-peers is not installed. */
  readonly pages: readonly string[] | undefined;
}

/** The text that is printed when a person can begin. */
export function readyText({ tookMs, logs, pages }: Ready): string {
  const check = pages ? '\n  stellar-peers check' : '';
  const installed = pages
    ? `\nstatus page: ${pages[0]} (each replica has one: also ${pages.slice(1).join(', ')})
stellar-peers is installed: two replicas, and waits that are shortened (they stand in that file).`
    : '';
  return `ready after ${(tookMs / 1000).toFixed(1)} s; StellarNodes become StatefulSets. In another terminal, in this folder:

  . .run/cluster.env          # this cluster, kubectl 1.37 and stellar-peers
  kubectl get nodes${check}

logs: ${logs}${installed}
Ctrl-C stops it all.
`;
}
