/**
 * The plain port: liveness, readiness with the reasons against it, and metrics. Nothing on it can change anything.
 */
import Fastify, { type FastifyInstance } from 'fastify';
import type { Metrics } from './metrics.ts';

/** Checks that must all hold before traffic may come; each says in words what is missing. */
export type ReadyChecks = Readonly<Record<string, () => boolean>>;

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
