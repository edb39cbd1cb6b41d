/**
 * Independent witnesses of both sides of a TLS call: the CAs in caBundle over time, and the certificate that a port serves.
 */
import { once } from 'node:events';
import { connect } from 'node:tls';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { MutatingWebhookConfigurations } from '../../runtime/kube/resources.ts';
import type { Cluster } from '../cluster/boot.ts';
import { follow } from '../cluster/follow.ts';
import { until } from '../cluster/until.ts';
import { fingerprintOf } from './cert-manager.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

interface Seen {
  readonly atMs: number;
  /** SHA-256 of the CAs that are in caBundle of every webhook. */
  readonly authorities: readonly string[];
}

export class CaBundleWatcher {
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  /** Each state of caBundle, oldest first. */
  readonly history: Seen[] = [];

  constructor(cluster: Cluster) {
    this.#running = follow(
      {
        kube: cluster.admin,
        resource: MutatingWebhookConfigurations,
        query: { fieldSelector: 'metadata.name=stellar-peers' },
      },
      {
        put: (object) => void this.history.push({ atMs: Date.now(), authorities: authoritiesOf(object) }),
        remove: () => void this.history.push({ atMs: Date.now(), authorities: [] }),
      },
      this.#stopping.signal,
    );
  }

  /** The CAs that are trusted now. */
  get now(): readonly string[] {
    return this.history.at(-1)?.authorities ?? [];
  }

  trusts(...authorities: readonly string[]): boolean {
    return authorities.every((one) => this.now.includes(one));
  }

  /** Since when the CA has been trusted without a break, in ms since the epoch; undefined if it is not trusted. */
  trustedSinceMs(authority: string): number | undefined {
    const lapse = this.history.findLastIndex(({ authorities }) => !authorities.includes(authority));
    return this.history[lapse + 1]?.atMs;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }
}

/** The number of CAs in caBundle: before `work`, and after each change during `work`. */
export async function caBundleDuring(cluster: Cluster, work: () => Promise<unknown>): Promise<number[]> {
  const watcher = new CaBundleWatcher(cluster);
  try {
    await until('caBundle was seen', () => watcher.history.length > 0);
    await work();
    return watcher.history.map(({ authorities }) => authorities.length);
  } finally {
    await watcher.stop();
  }
}

/** The times, in ms, in which not all of these CAs were trusted. If caBundle is emptied again, a time begins anew. */
export function lapses(states: readonly Seen[], authorities: readonly string[]): number[] {
  const lengths: number[] = [];
  let sinceMs: number | undefined;
  for (const { atMs, authorities: trusted } of states) {
    if (authorities.every((one) => trusted.includes(one))) {
      if (sinceMs !== undefined) lengths.push(atMs - sinceMs);
      sinceMs = undefined;
    } else if (trusted.length === 0) sinceMs = atMs;
    else sinceMs ??= atMs;
  }
  return sinceMs === undefined ? lengths : [...lengths, Number.POSITIVE_INFINITY];
}

function authoritiesOf({ webhooks }: KubeObject): string[] {
  const [first = [], ...rest] = (webhooks as Array<{ clientConfig: { caBundle?: string } }>).map(
    ({ clientConfig }) =>
      (
        Buffer.from(clientConfig.caBundle ?? '', 'base64')
          .toString()
          .match(CERTIFICATE) ?? []
      ).map(fingerprintOf),
  );
  return first.filter((one) => rest.every((other) => other.includes(one)));
}

/** SHA-256 of the certificate that the port serves on a new connection. */
export async function servedBy(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  try {
    await once(socket, 'secureConnect');
    return socket.getPeerX509Certificate()?.fingerprint256 ?? '';
  } finally {
    socket.destroy();
  }
}
