/** Installs the product on real nodes with the shipped manifests: the image has the name that they use. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rendered } from '../../scripts/manifests.ts';
import { until } from '../cluster/until.ts';
import { CHART, helm } from '../e2e-more/helm/helm.ts';
import { OWN, podsIn } from './validators.ts';
import type { World } from './world.ts';

export const RESTRICTED = { 'pod-security.kubernetes.io/enforce': 'restricted' };
/** Settings with shorter waits. They do not affect safety. The kubelets look for changes every 10 s. */
const SHORT_WAITS = [
  ...['MIN_READY_SECONDS=5', 'STABILIZATION_SECONDS=5', 'MIN_RESTART_INTERVAL_SECONDS=0'],
  'RELOAD_SECONDS=30',
];
const READY_MS_MAX = 120_000;

/** Applies manifests/base unchanged. */
export const installManifests = (world: World): Promise<void> => applyAndServe(world, rendered('base'));

/** Applies manifests, makes the other objects that they need, and waits until the API server calls the webhook. */
export async function applyAndServe(
  world: World,
  yaml: string,
  beside: () => Promise<void> = async () => {},
): Promise<void> {
  const path = join(world.dir, 'install.yaml');
  writeFileSync(path, yaml);
  await world.kubectl(['apply', '--server-side', '-f', path]);
  await beside();
  await untilServed(world);
}

/** Installs the chart with no value but the settings that shorten waits, into a namespace that enforces `restricted`. */
export async function installChart(world: World): Promise<void> {
  await world.createNamespace(OWN, RESTRICTED);
  const settings = SHORT_WAITS.flatMap((each) => ['--set-string', `settings.${each}`]);
  await helm('install', 'stellar-peers', CHART, ...release(world), ...settings);
  await untilServed(world);
}

const release = ({ kubeconfigPath }: World) => ['-n', OWN, '--kubeconfig', kubeconfigPath];

/** Runs the chart's own test: a pod that calls the webhook by its Service. Rejects if the test fails. */
export const testChart = (world: World): Promise<string> => helm('test', 'stellar-peers', ...release(world));

/** Changes settings of the Deployment, and waits until only replicas with these settings run. */
export async function set(world: World, ...settings: string[]): Promise<void> {
  await world.kubectl(['set', 'env', '-n', OWN, 'deployment/stellar-peers', ...settings]);
  await untilServed(world);
}

export const shortenWaits = (world: World): Promise<void> => set(world, ...SHORT_WAITS);

/** Waits until the Deployment is rolled out, and the API server asks the webhook by its Service. */
export async function untilServed(world: World): Promise<void> {
  const status = [
    'rollout',
    'status',
    '-n',
    OWN,
    'deployment/stellar-peers',
    `--timeout=${READY_MS_MAX / 1000}s`,
  ];
  await world.kubectl(status).catch(async (error: Error) => {
    const seen = await world.kubectl(['describe', 'pods', '-n', OWN]);
    throw new Error(`${error.message}\n${seen.slice(-4_000)}`, { cause: error });
  });
  await until('two replicas run, and no others', async () => (await podsIn(world, OWN)).length === 2);
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'nobodys', namespace: 'default', labels: { 'stellar.org/node-type': 'Validator' } },
    spec: { containers: [{ name: 'stellar-node', image: 'stellar-core' }] },
  };
  await until('the API server asks the webhook', async () => {
    await world.kubectl(['create', '--dry-run=server', '-f', '-'], JSON.stringify(pod));
    return (await reviewsOf(world, 'skipped:UnknownOwner')) > 0;
  });
}

/** How many reviews the running replicas have answered with this result. */
export async function reviewsOf(world: World, result: string): Promise<number> {
  const pods = await podsIn(world, OWN);
  const pages = await Promise.all(
    pods.map(async (pod) => {
      const { podIP } = pod.status as { podIP: string };
      return (await fetch(`http://${podIP}:8080/metrics`)).text();
    }),
  );
  const sample = new RegExp(`^stellar_peers_admission_reviews_total\\{result="${result}"\\} (\\d+)$`, 'm');
  return pages.reduce((sum, page) => sum + Number(sample.exec(page)?.[1] ?? 0), 0);
}

/** Asserts that both replicas are on machines of their own and were never restarted. */
export async function assertSpread(world: World): Promise<void> {
  const pods = await podsIn(world, OWN);
  const nodes = new Set(pods.map(({ spec }) => (spec as { nodeName?: string }).nodeName));
  assert.equal(nodes.size, 2, [...nodes].join(' '));
}
