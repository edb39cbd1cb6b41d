import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createHttpServer } from '../../../runtime/http.ts';
import { listenOn } from '../../../runtime/listen.ts';
import { METRICS, Metrics } from '../../../runtime/metrics.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';

function setUp(ready: Record<string, () => boolean> = {}) {
  const metrics = new Metrics();
  const clock = new ManualClock();
  const app = createHttpServer({ clock, metrics, ready });
  return { clock, metrics, app, get: (url: string) => app.inject({ method: 'GET', url }) };
}

describe('the plain port', () => {
  it('calls the replica alive as soon as the port answers, ready or not', async () => {
    const { get } = setUp({ never: () => false });
    const { statusCode, body } = await get('/healthz');
    assert.deepEqual([statusCode, body], [200, 'ok\n']);
  });

  it('calls the replica ready when nothing is missing, and else names what is missing', async () => {
    const state = { caches: false, certificate: false };
    const { get } = setUp({
      'caches are not in sync': () => state.caches,
      'no certificate': () => state.certificate,
    });
    const answer = async () => {
      const { statusCode, body } = await get('/readyz');
      return [statusCode, body];
    };
    assert.deepEqual(await answer(), [503, 'not ready: caches are not in sync, no certificate\n']);
    state.caches = true;
    assert.deepEqual(await answer(), [503, 'not ready: no certificate\n']);
    state.certificate = true;
    assert.deepEqual(await answer(), [200, 'ok\n']);
    state.caches = false;
    assert.deepEqual(await answer(), [503, 'not ready: caches are not in sync\n']);
  });

  it('offers metrics in the format that Prometheus scrapes', async () => {
    const { get, metrics } = setUp();
    metrics.count('stellar_peers_configmap_writes_total', {}, 3);
    const { statusCode, headers, body } = await get('/metrics');
    assert.equal(statusCode, 200);
    assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/);
    assert.match(body, /^stellar_peers_configmap_writes_total 3$/m);
  });

  it('renders metrics once for all callers that ask meanwhile, and spends at most a tenth of the time on rendering', async () => {
    const { clock, get, metrics } = setUp();
    let renders = 0;
    metrics.render = async () => {
      renders += 1;
      await clock.sleep(50);
      return `${renders}\n`;
    };
    const askFor = async (count: number) => {
      const answers = Promise.all(Array.from({ length: count }, () => get('/metrics')));
      return new Set((await clock.pass(answers)).map(({ body }) => body));
    };
    assert.deepEqual(await askFor(100), new Set(['1\n']));
    assert.deepEqual(await askFor(100), new Set(['1\n']));
    await clock.pass(clock.sleep(60_000));
    assert.deepEqual(await askFor(100), new Set(['2\n']));
  });

  it('answers the next scrape after a render that failed', async () => {
    const { get, metrics } = setUp();
    const { render } = metrics;
    metrics.render = () => Promise.reject(new Error('no metrics'));
    assert.equal((await get('/metrics')).statusCode, 500);
    metrics.render = render;
    assert.equal((await get('/metrics')).statusCode, 200);
  });

  it('lets no client change anything', async () => {
    const { app } = setUp();
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'] as const) {
      for (const url of ['/', '/healthz', '/readyz', '/metrics']) {
        assert.equal((await app.inject({ method, url })).statusCode, 404, `${method} ${url}`);
      }
    }
  });
});

describe('listening', () => {
  /** Listens with a fake app that fails for the hosts in `failing`. Resolves to the hosts that were tried. */
  const tried = async (host: string, failing: Readonly<Record<string, string>>) => {
    const hosts: string[] = [];
    const app = {
      listen: async (options: { host: string; port: number }) => {
        hosts.push(`${options.host} ${options.port}`);
        const code = failing[options.host];
        if (code !== undefined) throw Object.assign(new Error(code), { code });
        return '';
      },
    };
    await listenOn(app, { host, port: 8_080 });
    return hosts;
  };

  it('falls back to IPv4 on a machine without IPv6, and only then', async () => {
    assert.deepEqual(await tried('::', {}), [':: 8080']);
    for (const code of ['EAFNOSUPPORT', 'EADDRNOTAVAIL']) {
      assert.deepEqual(await tried('::', { '::': code }), [':: 8080', '0.0.0.0 8080']);
    }
    await assert.rejects(tried('::', { '::': 'EADDRINUSE' }), {
      name: 'ListenError',
      message: /:::8080 \(EADDRINUSE\)/,
    });
    await assert.rejects(tried('::1', { '::1': 'EADDRNOTAVAIL' }), {
      name: 'ListenError',
      message: /EADDRNOTAVAIL/,
    });
  });
});

describe('metrics', () => {
  it('are all rendered from the start, each with its help text', async () => {
    const text = await new Metrics().render();
    for (const [name, { help, kind }] of Object.entries(METRICS)) {
      assert.ok(text.includes(`# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`), name);
    }
  });

  it('of one replica do not show in another', async () => {
    const [one, other] = [new Metrics(), new Metrics()];
    one.set('stellar_peers_leader', 1);
    assert.match(await one.render(), /^stellar_peers_leader 1$/m);
    assert.doesNotMatch(await other.render(), /^stellar_peers_leader 1$/m);
  });

  it('lose the old series of a gauge when the gauge is replaced', async () => {
    const metrics = new Metrics();
    const waiting = async () =>
      (await metrics.render()).split('\n').filter((line) => line.startsWith('stellar_peers_waiting{'));
    metrics.replace('stellar_peers_waiting', [
      { labels: { reason: 'Paused' }, value: 2 },
      { labels: { reason: 'Stabilizing' }, value: 1 },
    ]);
    metrics.replace('stellar_peers_waiting', [{ labels: { reason: 'Paused' }, value: 1 }]);
    assert.deepEqual(await waiting(), ['stellar_peers_waiting{reason="Paused"} 1']);
    metrics.replace('stellar_peers_waiting', []);
    assert.deepEqual(await waiting(), []);
  });

  it('have buckets for the time of a review, up to the deadline of the API server', async () => {
    const metrics = new Metrics();
    for (const seconds of [0.002, 0.3, 4.9, 6]) {
      metrics.observe('stellar_peers_admission_duration_seconds', seconds);
    }
    const text = await metrics.render();
    const within = (bound: string) =>
      new RegExp(`^stellar_peers_admission_duration_seconds_bucket\\{le="${bound}"\\} (\\d+)$`, 'm').exec(
        text,
      )?.[1];
    assert.deepEqual(['0.005', '0.5', '5', '\\+Inf'].map(within), ['1', '2', '3', '4']);
  });
});
