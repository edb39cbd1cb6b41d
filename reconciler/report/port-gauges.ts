/**
 * The gauges of the validators' HTTP ports, with a limit, because a monitoring system must keep a series of each pod.
 */
import { inTurn } from '../../peers/lists.ts';
import { type Key, namespaceOf } from '../../peers/world.ts';
import type { MetricName, Metrics } from '../../runtime/metrics.ts';
import type { Connection, Connections } from '../plan/publish/overview.ts';
import type { Phase } from '../plan/signals/signal-state.ts';

/** The most pods with series of their own. Beyond that, namespaces take turns, so a tenant hides no pod of others. */
const PODS_MAX = 1_000;
const PHASES: readonly Phase[] = ['open', 'closed', 'unknown'];
const BY_POD: ReadonlyArray<readonly [MetricName, (connection: Connection) => number]> = [
  ['stellar_peers_expected_peers', ({ expected }) => expected],
  ['stellar_peers_connected_peers', ({ connected }) => connected],
  ['stellar_peers_synced', ({ synced }) => Number(synced)],
];

/** Sets the number of ports in each phase, and what the open ones have answered. */
export function showPorts(metrics: Metrics, phases: readonly Phase[], connections: Connections): void {
  const ports = PHASES.map((state) => ({
    labels: { state },
    value: phases.filter((phase) => phase === state).length,
  }));
  metrics.replace('stellar_peers_core_ports', phases.length > 0 ? ports : []);
  const shown = inTurn(connections, ([pod]) => namespaceOf(pod)).slice(0, PODS_MAX);
  for (const [metric, numberOf] of BY_POD) {
    const series = shown.map(([key, connection]) => ({ labels: labelsOf(key), value: numberOf(connection) }));
    metrics.replace(metric, series);
  }
}

function labelsOf(key: Key): Readonly<Record<string, string>> {
  const [namespace = '', pod = ''] = key.split('/');
  return { namespace, pod };
}
