/**
 * The plain port: liveness, readiness with the reasons against it, and metrics. Nothing on it can change anything.
 */
import Fastify, { type FastifyInstance } from 'fastify';
import type { Metrics } from './metrics.ts';

/** Checks that must all hold before traffic may come; each says in words what is missing. */
export type ReadyChecks = Readonly<Record<string, () => boolean>>;

/**
 * Listens on `host`; where that is `::` and the machine has no IPv6, on all IPv4 addresses instead.
 * Rejects if the port is taken.
 */
export async function listenOn(app: Listener, { host, port }: { host: string; port: number }): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (host !== '::' || !['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(code)) throw error;
    await app.listen({ host: '0.0.0.0', port });
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
