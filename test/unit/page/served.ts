/**
 * The status page over real connections: its app on a free port, with a cluster that a test changes at will.
 */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { Feed } from '../../../page/feed.ts';
import { hostsOf } from '../../../page/hosts.ts';
import { createPageServer, PAGE_LIMITS, type PageLimits } from '../../../page/server.ts';
import type { Snapshot } from '../../../page/snapshot.ts';
import { CapturedLog } from '../stand-ins/captured-log.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';

const EMPTY: Snapshot = {
  rollout: '',
  networks: [],
  waiting: [],
  restarts: [],
  totals: { networks: 0, reasons: 0, restarts: 0 },
};

/** A cluster that counts how often it was looked at. */
export class WatchedCluster {
  looks = 0;
  watching = 0;
  rollout = '';
  /** What a look comes to, where it is not what it should be. */
  failure: Error | undefined;
  ring: () => void = () => undefined;

  onChange = (listener: () => void) => {
    this.watching += 1;
    this.ring = listener;
    return () => {
      this.watching -= 1;
    };
  };

  take = async (): Promise<Snapshot> => {
    this.looks += 1;
    if (this.failure) throw this.failure;
    return { ...EMPTY, rollout: this.rollout };
  };

  change(rollout: string): void {
    this.rollout = rollout;
    this.ring();
  }
}

export const REPLICA = { name: 'stellar-peers-1', leads: true, leader: 'stellar-peers-1', staleMs: 0 };

/** One that gets the stream. */
export class Reader {
  readonly incoming: IncomingMessage;
  text = '';
  closed = false;

  constructor(incoming: IncomingMessage) {
    this.incoming = incoming;
    incoming.setEncoding('utf8').on('data', (chunk: string) => {
      this.text += chunk;
    });
    incoming.on('error', () => undefined);
    incoming.on('close', () => {
      this.closed = true;
    });
  }
}

const HOSTS = hostsOf({
  namespace: 'ours',
  clusterDomain: 'cluster.local',
  statusPageHosts: 'status.example.org',
});

/** Serves the page until the test ends. */
export async function servePage(t: TestContext, limits: Partial<PageLimits> = {}) {
  const cluster = new WatchedCluster();
  const log = new CapturedLog();
  const clock = new ManualClock();
  const feed = new Feed({ clock, log, ...cluster, replica: () => REPLICA });
  const app = createPageServer(feed, HOSTS, { ...PAGE_LIMITS, checkEveryMs: 20, ...limits });
  await app.listen({ host: '127.0.0.1', port: 0 });
  t.after(() => app.close());
  const { port } = app.server.address() as AddressInfo;
  const read = async (): Promise<Reader> => {
    const outgoing = get({ host: '127.0.0.1', port, path: '/events', agent: false });
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    return new Reader(incoming);
  };
  return { app, clock, cluster, port, read };
}
