/** The plain HTTP port: liveness, readiness with the missing conditions, and metrics. All of it is read-only. */
import type { FastifyInstance } from 'fastify';
import type { Clock } from './clock.ts';
import type { Metrics } from './metrics.ts';
import { createPlainApp, PLAIN_LIMITS, type PlainLimits } from './plain-app.ts';

/** Conditions that must all hold before the replica is ready. The key says in words what is missing. */
export type ReadyChecks = Readonly<Record<string, () => boolean>>;

/** Creates the app of the plain port. The caller makes it listen. */
export function createHttpServer(options: {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly ready: ReadyChecks;
  /** Absent for the usual limits. Tests use shorter ones. */
  readonly limits?: PlainLimits;
}): FastifyInstance {
  const app = createPlainApp(options.limits ?? PLAIN_LIMITS, ({ statusCode = 400 }, reply) =>
    reply.code(statusCode).send('this cannot be answered\n'),
  );
  const render = sharedRender(options);
  app.get('/healthz', () => 'ok\n');
  app.get('/readyz', (_request, reply) => {
    const missing = Object.entries(options.ready).flatMap(([name, holds]) => (holds() ? [] : [name]));
    if (missing.length === 0) return 'ok\n';
    return reply.code(503).send(`not ready: ${missing.join(', ')}\n`);
  });
  app.get('/metrics', async (_request, reply) => {
    reply.type('text/plain; version=0.0.4; charset=utf-8');
    return render();
  });
  return app;
}

/** The largest part of the time that goes into rendering: a text that took 50 ms is used for 500 ms. */
const RENDERING_PART = 0.1;

/** Renders once for all callers at about the same time. They share the same bytes. */
function sharedRender({ clock, metrics }: { readonly clock: Clock; readonly metrics: Metrics }) {
  let shared: Promise<Buffer> | undefined;
  let renewAtMs = 0;
  return (): Promise<Buffer> => {
    const startMs = clock.monotonicMs();
    if (shared && startMs < renewAtMs) return shared;
    renewAtMs = Number.POSITIVE_INFINITY;
    shared = metrics
      .render()
      .then((text) => Buffer.from(text))
      .finally(() => {
        renewAtMs = startMs + (clock.monotonicMs() - startMs) / RENDERING_PART;
      });
    return shared;
  };
}
