/**
 * stellar-peers in a cluster that a person tries it on, usable from the moment that is said: `check` finds nothing wrong,
 * and the status page opens. Owns what `make cluster` prints then.
 */
import { runCommand } from './command.ts';
import type { Scene } from './scene.ts';
import { until } from './until.ts';

/** A busy machine takes its time; what is wrong by then stays wrong. */
const USABLE_DEADLINE_MS = 180_000;
/** Each look is a process of its own. */
const LOOK_EVERY_MS = 500;
const REPLICAS = 2;

/** Resolves once a person who follows what is printed sees nothing red; else rejects with what was seen last. */
async function untilUsable(scene: Scene, pages: readonly string[]): Promise<void> {
  const timing = { deadlineMs: USABLE_DEADLINE_MS, everyMs: LOOK_EVERY_MS };
  for (const page of pages) await until(`${page} opens`, async () => (await statusOf(page)) === 200, timing);
  const isClean = async () => {
    const { code, stdout } = await runCommand(scene.cluster, ['check']);
    if (code !== 0) throw new Error(`it ends with ${code}:\n${stdout}`);
    return true;
  };
  await until('`stellar-peers check` finds nothing wrong', isClean, timing);
}

/** Installs us with two replicas; resolves to the addresses of their status pages once all of it can be used. */
export async function installToTry(scene: Scene): Promise<string[]> {
  const { replicas } = await scene.start(REPLICAS);
  // The replicas run beside the cluster; in it kwok plays the pods of their Deployment, as it plays all others.
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
  /** Of the replicas' status pages; undefined where stellar-peers is not installed. */
  readonly pages: readonly string[] | undefined;
}

/** What is printed when a person may begin. */
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
