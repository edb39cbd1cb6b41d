/** The three servers of a replica in a process of their own, for flood.ts: prints their ports, then waits for its end. */

import type { AddressInfo } from 'node:net';
import { Feed } from '../../page/feed.ts';
import { createPageServer } from '../../page/server.ts';
import { systemClock } from '../../runtime/clock.ts';
import { createHttpServer } from '../../runtime/http.ts';
import { listenOn } from '../../runtime/listen.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { REPLICA, WatchedCluster } from '../unit/page/served.ts';
import { CapturedLog } from '../unit/stand-ins/captured-log.ts';
import { ManualClock } from '../unit/stand-ins/manual-clock.ts';
import { listening } from '../unit/webhook/served.ts';

/** Validators whose HTTP port is open: each has three series. */
const VALIDATORS = 5_000;

const metrics = new Metrics();
const series = Array.from({ length: VALIDATORS }, (_, index) => ({
  labels: { namespace: `namespace-${index % 100}`, pod: `validator-${index}-0` },
  value: index % 24,
}));
for (const name of [
  'stellar_peers_expected_peers',
  'stellar_peers_connected_peers',
  'stellar_peers_synced',
] as const)
  metrics.replace(name, series);
const plain = createHttpServer({ clock: systemClock, metrics, ready: {} });
await listenOn(plain, { port: 0, host: '127.0.0.1' });
const { onChange, take } = new WatchedCluster();
const page = createPageServer(
  new Feed({ clock: new ManualClock(), log: new CapturedLog(), onChange, take, replica: () => REPLICA }),
  new Set(),
);
await listenOn(page, { port: 0, host: '127.0.0.1' });
const webhook = await listening();
const portOf = ({ server }: { server: { address(): unknown } }) => (server.address() as AddressInfo).port;
process.send?.({ plain: portOf(plain), page: portOf(page), webhook: portOf(webhook.server.app) });
