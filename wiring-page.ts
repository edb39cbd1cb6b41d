/**
 * Makes the status page of one replica out of its parts. Owns which setting goes where, and that a page that cannot be
 * served keeps nobody from doing the rest.
 */
import { startDecider } from './page/decide.ts';
import { Feed } from './page/feed.ts';
import { createPageServer } from './page/server.ts';
import { listenOn } from './runtime/http.ts';
import { type Parts, rolloutSettings } from './wiring.ts';

/** The page as it is served. */
export interface StatusPage {
  close(): Promise<void>;
}

/** Serves the page; resolves once it listens, or at once where the settings say not to. Never rejects. */
export async function serveStatusPage(parts: Parts): Promise<StatusPage> {
  const { settings, log, clock, caches, directory, leader } = parts;
  if (settings.statusPagePort === 0) return { close: async () => undefined };
  const decide = { caches, directory, clock, settings: rolloutSettings(settings) };
  const feed = new Feed({
    clock,
    log,
    watch: (onChange) => startDecider(decide, onChange),
    replica: () => ({
      name: settings.podName,
      leads: leader.leads(),
      leader: leader.someoneLeads() ? leader.holder() : '',
      staleMs: caches.synced() ? caches.staleMs() : Number.MAX_SAFE_INTEGER,
    }),
  });
  const app = createPageServer(feed);
  try {
    await listenOn(app, { port: settings.statusPagePort, host: settings.bindAddress });
    log.info({ port: settings.statusPagePort }, 'status page listens');
  } catch (error) {
    log.error({ error }, 'there is no status page; everything else works');
  }
  return { close: () => app.close() };
}
