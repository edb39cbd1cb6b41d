/**
 * The plain port: liveness, readiness with the reasons against it, and metrics. Nothing on it can change anything.
 */
import Fastify, { type FastifyInstance } from 'fastify';
import type { Metrics } from './metrics.ts';

/** Checks that must all hold before traffic may come; each says in words what is missing. */
export type ReadyChecks = Readonly<Record<string, () => boolean>>;

/** An address that cannot be listened on: which, and why. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/**
 * Listens on `host`; where that is `::` and the machine has no IPv6, on all IPv4 addresses instead.
 * Rejects with ListenError if the port is taken.
 */
export async function listenOn(app: Listener, { host, port }: { host: string; port: number }): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    if (host === '::' && ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(code)) {
      return listenOn(app, { host: '0.0.0.0', port });
    }
    throw new ListenError(
      `cannot listen on ${host}:${port} (${code || String(cause)}): choose another by WEBHOOK_PORT, HTTP_PORT, STATUS_PAGE_PORT or BIND_ADDRESS`,
      { cause },
    );
  }
}

interface Listener {
  listen(options: { host: string; port: number }): Promise<string>;
}

/** The app of the plain port; it does not listen by itself. */
export function createHttpServer(options: { metrics: Metrics; ready: ReadyChecks }): FastifyInstance {
  const app = Fastify({ logger: false });
  app.get('/healthz', () => 'ok\n');
  app.get('/readyz', (_request, reply) => {
    const missing = Object.entries(options.ready).flatMap(([name, holds]) => (holds() ? [] : [name]));
    if (missing.length === 0) return 'ok\n';
    return reply.code(503).send(`not ready: ${missing.join(', ')}\n`);
  });
  app.get('/metrics', async (_request, reply) => {
    reply.type('text/plain; version=0.0.4; charset=utf-8');
    return options.metrics.render();
  });
  return app;
}
