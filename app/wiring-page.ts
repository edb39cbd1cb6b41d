/** Makes the status page of one replica. A page that cannot be served stops no other part. */
import { snapshotNow } from '../page/decide.ts';
import { Feed } from '../page/feed.ts';
import { hostsOf } from '../page/hosts.ts';
import { createPageServer } from '../page/server.ts';
import { podOf } from '../reconciler/leader/lease.ts';
import { listenOn } from '../runtime/listen.ts';
import { rolloutSettings } from './settings.ts';
import type { Parts } from './wiring.ts';

export interface StatusPage {
  close(): Promise<void>;
}

/** Serves the page. Resolves when the port listens, or at once if the settings want no page. Never rejects. */
export async function serveStatusPage(parts: Parts): Promise<StatusPage> {
  const { settings, log, clock, caches, memberships, leader } = parts;
  if (settings.statusPagePort === 0) return { close: async () => undefined };
  const decide = { memberships, clock, settings: rolloutSettings(settings) };
  const feed = new Feed({
    clock,
    log,
    onChange: (listener) => caches.onChange(() => listener()),
    take: () => snapshotNow(decide),
    replica: () => ({
      name: settings.podName,
      leads: leader.leads(),
      leader: leader.someoneLeads() ? podOf(leader.holder()) : '',
      staleMs: caches.synced() ? caches.staleMs() : Number.MAX_SAFE_INTEGER,
    }),
  });
  const app = createPageServer(feed, hostsOf(settings));
  try {
    await listenOn(app, { port: settings.statusPagePort, host: settings.bindAddress });
    log.info({ port: settings.statusPagePort }, 'status page listens');
  } catch (error) {
    log.error({ error }, 'the status page cannot be served; everything else works');
  }
  return { close: () => app.close() };
}
