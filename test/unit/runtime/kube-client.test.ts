/**
 * Requests over real connections: the pages of a list, and their cost.
 */
import assert from 'node:assert/strict';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { connect } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { createAuthority, issueLeaf } from '../../../certs/authority.ts';
import { createKube, type KubeOptions } from '../../../runtime/kube/client.ts';
import { KubeError, type WatchEvent } from '../../../runtime/kube/port.ts';
import { Pods } from '../../../runtime/kube/resources.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';
import { VALID_NOW } from '../stand-ins/now.ts';
import { listening } from './listening.ts';

/** An API server whose answers the test chooses, and a client that trusts this server, on request through a proxy. */
async function setUp(
  t: TestContext,
  answer: RequestListener,
  { proxyUrl, ...more }: { proxyUrl?: string } & Partial<KubeOptions> = {},
) {
  const authority = await createAuthority(VALID_NOW);
  const { certPem, keyPem } = await issueLeaf(authority, { ...VALID_NOW, hosts: ['127.0.0.1'] });
  const server = createServer({ cert: certPem, key: keyPem }, answer);
  let connections = 0;
  server.on('secureConnection', () => {
    connections += 1;
  });
  const port = await listening(t, server);
  const config = new KubeConfig();
  const caData = Buffer.from(authority.certPem).toString('base64');
  config.loadFromClusterAndUser(
    {
      ...{ name: 'test', server: `https://127.0.0.1:${port}`, skipTLSVerify: false, caData },
      ...(proxyUrl ? { proxyUrl } : {}),
    },
    { name: 'test', token: 'secret' },
  );
  const options = { clock: new ManualClock(), timeoutMs: 60_000, userAgent: 'test', ...more };
  const kube = createKube(config, options);
  return { kube, port, connections: () => connections };
}

/** A proxy that opens a tunnel to any address, and remembers the addresses. */
async function startProxy(t: TestContext) {
  const ways: string[] = [];
  const proxy = createHttpServer().on('connect', ({ url = '' }, socket, head) => {
    ways.push(url);
    const { hostname, port } = new URL(`http://${url}`);
    const upstream = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    const end = () => [socket, upstream].map((each) => each.destroy());
    for (const each of [socket, upstream]) each.on('error', end).on('close', end);
  });
  return { ways, url: `http://127.0.0.1:${await listening(t, proxy)}` };
}

/** An empty list. */
const EMPTY = '{"items":[],"metadata":{"resourceVersion":"1"}}';

const pod = (name: string) => ({
  metadata: { name, managedFields: [{ manager: 'stranger', operation: 'Apply' }] },
});

describe('a list of several pages', () => {
  /** Two pages; the second is answered with `status`. */
  const paged =
    (status: number, onRequest: (page: string) => void = () => undefined): RequestListener =>
    ({ url = '' }, response) => {
      const token = new URL(url, 'https://api').searchParams.get('continue');
      onRequest(token ?? 'first');
      if (token) response.statusCode = status;
      const items = token ? [pod('c')] : [pod('a'), pod('b')];
      const metadata = { resourceVersion: '7', ...(token ? {} : { continue: 'second' }) };
      response.end(JSON.stringify(status === 200 || !token ? { metadata, items } : { message: 'gone' }));
    };

  it('is read page by page, and a page is let go before the next is asked for', async (t) => {
    const happened: string[] = [];
    const { kube } = await setUp(
      t,
      paged(200, (page) => happened.push(page)),
    );
    const list = await kube.list(Pods, {}, ({ metadata }) => {
      happened.push(metadata.name);
      return metadata.name.toUpperCase();
    });
    assert.deepEqual(list, { items: ['A', 'B', 'C'], resourceVersion: '7' });
    assert.deepEqual(happened, ['first', 'a', 'b', 'second', 'c']);
  });

  it('fails if one page fails', async (t) => {
    for (const status of [410, 500]) {
      const { kube } = await setUp(t, paged(status));
      await assert.rejects(kube.list(Pods), { name: 'KubeError', status });
    }
  });

  describe('with one page that is asked for too late', () => {
    /** The second page is refused that many times, with a token to continue from. The pages after it have a later version. */
    const late =
      (refusals: number, asked: string[]): RequestListener =>
      ({ url = '' }, response) => {
        const { searchParams } = new URL(url, 'https://api');
        const token = searchParams.get('continue') ?? 'first';
        asked.push(`${token} ${searchParams.has('limit')}`);
        const isRefused = token !== 'first' && asked.length <= 1 + refusals;
        const page = {
          first: { metadata: { resourceVersion: '7', continue: 'second' }, items: [pod('a')] },
          refused: { reason: 'Expired', metadata: { continue: 'inconsistent' } },
          last: { metadata: { resourceVersion: '9' }, items: [pod('b')] },
        };
        response.statusCode = isRefused ? 410 : 200;
        response.end(JSON.stringify(isRefused ? page.refused : token === 'first' ? page.first : page.last));
      };

    it('continues with the token of the refusal, and a watch begins at the version of the first page', async (t) => {
      const asked: string[] = [];
      const { kube } = await setUp(t, late(1, asked));
      const { items, resourceVersion } = await kube.list(Pods, {}, ({ metadata }) => metadata.name);
      assert.deepEqual([items, resourceVersion], [['a', 'b'], '7']);
      assert.deepEqual(asked, ['first true', 'second true', 'inconsistent true']);
    });

    it('fails if the token of the refusal is refused too', async (t) => {
      const asked: string[] = [];
      const { kube } = await setUp(t, late(9, asked));
      await assert.rejects(kube.list(Pods), { name: 'KubeError', status: 410 });
      assert.equal(asked.length, 3);
    });
  });

  it('has no managedFields where no reader needs them', async (t) => {
    const { kube } = await setUp(t, paged(200));
    const managers = async (unmanaged: boolean) =>
      (await kube.list(Pods, { unmanaged })).items.map(({ metadata }) => metadata.managedFields?.length);
    assert.deepEqual(await managers(false), [1, 1, 1]);
    assert.deepEqual(await managers(true), [0, 0, 0]);
  });
});

it('requests one after the other share a connection, and simultaneous requests have one connection each', async (t) => {
  const { kube, connections } = await setUp(t, (_, response) => void response.end(EMPTY));
  for (let count = 0; count < 5; count += 1) await kube.list(Pods);
  assert.equal(connections(), 1);
  await Promise.all([kube.list(Pods), kube.list(Pods), kube.list(Pods)]);
  assert.equal(connections(), 3);
});

it('an API server that is lost costs one timeout, not one for each kept connection', async (t) => {
  const lost = new WeakSet<object>();
  const kept: object[] = [];
  const { kube } = await setUp(
    t,
    ({ socket }, response) => {
      kept.push(socket);
      if (!lost.has(socket)) response.end(EMPTY);
    },
    { timeoutMs: 2_000 },
  );
  await Promise.all([kube.list(Pods), kube.list(Pods), kube.list(Pods)]);
  for (const socket of kept) lost.add(socket);
  await assert.rejects(kube.list(Pods), { name: 'KubeError', status: 0 });
  await kube.list(Pods);
});

describe('an invalid answer', () => {
  const list = (items: unknown, metadata: unknown = { resourceVersion: '1' }) =>
    JSON.stringify({ metadata, items });
  const BODIES: ReadonlyArray<readonly [string, string]> = [
    ['<html>Log in</html>', 'is no JSON'],
    ['', 'is no JSON'],
    ['{"metadata":{"resourceVersion":"1"},"items":[', 'is no JSON'],
    ['[]', 'is no JSON object'],
    ['null', 'is no JSON object'],
    [list(null), 'is no list'],
    [list({}), 'is no list'],
    [list([null]), 'is no list'],
    [list([{}]), 'is no list'],
    [list([], null), 'is no list'],
    [list([], {}), 'is no list'],
  ];
  for (const [body, words] of BODIES) {
    it(`is an error with a sentence: ${body}`, async (t) => {
      const { kube, port } = await setUp(t, (_, response) => void response.end(body));
      const where = `context loaded-context, server https://127.0.0.1:${port}`;
      const asked =
        /^GET \/api\/v1\/pods\?limit=10: the answer \((.*)\) (is no .*): check whether a proxy or a login page answers/;
      const error = await kube.list(Pods).catch((cause: unknown) => cause);
      assert.ok(error instanceof KubeError, String(error));
      const [, from, found = ''] = asked.exec(error.message) ?? [];
      assert.deepEqual([error.status, from], [0, where], error.message);
      assert.ok(found.startsWith(words), error.message);
    });
  }

  it('is accepted neither as an object that was read nor as one that was written', async (t) => {
    const { kube } = await setUp(t, (_, response) => void response.end('{"error":"log in"}'));
    const ref = { resource: Pods, namespace: 'a', name: 'b' };
    for (const asked of [kube.get(ref), kube.replace(ref, pod('b')), kube.create(Pods, pod('b'))])
      await assert.rejects(asked, { name: 'KubeError', status: 0, message: / is no object: / });
  });

  it('is quoted in few words if the server refuses with a web page', async (t) => {
    const { kube } = await setUp(t, (_, response) => void response.writeHead(503).end('<html>Sorry</html>'));
    await assert.rejects(kube.list(Pods), { status: 503, message: /: 503 Service Unavailable$/ });
  });

  it('has the details of a refusal ignored if they do not have the form of the API server', async (t) => {
    const body = { message: 5, reason: {}, details: { causes: {} }, metadata: 'x' };
    const { kube } = await setUp(t, (_, response) => void response.writeHead(409).end(JSON.stringify(body)));
    await assert.rejects(kube.list(Pods), { name: 'KubeError', status: 409, reason: '', causes: [] });
  });
});

describe('the wait that an answer asks for', () => {
  const DATE = 'Sun, 29 Nov 2026 12:00:00 GMT';
  const later = (seconds: number) => new Date(Date.parse(DATE) + seconds * 1000).toUTCString();
  const ANSWERS: ReadonlyArray<readonly [Record<string, string>, number | undefined]> = [
    [{ 'retry-after': '7' }, 7],
    [{ 'retry-after': '0' }, 0],
    [{}, undefined],
    [{ 'retry-after': later(20) }, 20],
    [{ 'retry-after': later(-20) }, 0],
    [{ 'retry-after': '86400' }, 86_400],
    [{ 'retry-after': later(86_400) }, 86_400],
    [{ 'retry-after': '1e400' }, undefined],
    [{ 'retry-after': '-5' }, undefined],
    [{ 'retry-after': '1.5' }, undefined],
    [{ 'retry-after': '0x10' }, undefined],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': later(20), date: 'now' }, undefined],
  ];
  for (const [headers, seconds] of ANSWERS) {
    it(`is seconds or a date: ${JSON.stringify(headers)}`, async (t) => {
      const { kube } = await setUp(t, (_, response) => {
        response.writeHead(429, { date: DATE, ...headers }).end('{}');
      });
      const error = await kube.list(Pods).catch((cause: unknown) => cause);
      assert.ok(error instanceof KubeError);
      assert.equal(error.retryAfterSeconds, seconds);
    });
  }

  it('is unknown if the Date of the answer is not a date', async (t) => {
    const dates: number[] = [];
    for (const date of [DATE, '5', '2001', 'Sun, 29 Nov 2026 12:00:00', '']) {
      const { kube } = await setUp(
        t,
        (_, response) => {
          response.sendDate = false;
          response.writeHead(200, { date }).end(EMPTY);
        },
        { onDate: (dateMs) => dates.push(dateMs) },
      );
      await kube.list(Pods);
    }
    assert.deepEqual(dates, [Date.parse(DATE), Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
  });
});

describe('a kubeconfig with a proxy', () => {
  it('sends requests and watches through the proxy, and each connection trusts the API server alone', async (t) => {
    const proxy = await startProxy(t);
    const answer: RequestListener = ({ url = '', headers }, response) => {
      assert.equal(headers.authorization, 'Bearer secret');
      const event = { type: 'ADDED', object: pod('b') };
      response.end(
        url.includes('watch=true')
          ? `${JSON.stringify(event)}\n`
          : JSON.stringify({ metadata: { resourceVersion: '1' }, items: [pod('a')] }),
      );
    };
    const { kube, port } = await setUp(t, answer, { proxyUrl: proxy.url });
    const { items } = await kube.list(Pods);
    const watched: string[] = [];
    const note = ({ object }: WatchEvent) => watched.push(object.metadata.name);
    await kube.watch(Pods, { resourceVersion: '1' }, note, new AbortController().signal);
    assert.deepEqual([items.map(({ metadata }) => metadata.name), watched], [['a'], ['b']]);
    assert.deepEqual(proxy.ways, [`127.0.0.1:${port}`, `127.0.0.1:${port}`]);
  });
});

describe('the pages of a list', () => {
  /** Serves objects of these sizes. Notes for each page the number of objects asked for, and the bytes sent. */
  function ofSizes(sizes: readonly number[]) {
    const asked: number[] = [];
    const sent: number[] = [];
    const answer: RequestListener = ({ url = '' }, response) => {
      const { searchParams } = new URL(url, 'https://api');
      const [from, limit] = [Number(searchParams.get('continue') ?? 0), Number(searchParams.get('limit'))];
      const some = sizes.slice(from, from + limit);
      asked.push(limit);
      sent.push(some.reduce((sum, size) => sum + size, 0));
      const items = some.map((size, index) => ({ ...pod(`p${from + index}`), text: 'x'.repeat(size) }));
      const next = from + limit < sizes.length ? { continue: String(from + limit) } : {};
      response.end(JSON.stringify({ metadata: { resourceVersion: '7', ...next }, items }));
    };
    return { answer, asked, sent };
  }
  const namesIn = async (kube: Awaited<ReturnType<typeof setUp>>['kube']) =>
    (await kube.list(Pods, {}, ({ metadata }) => metadata.name)).items;

  it('begin with ten objects, and grow while the objects are small', async (t) => {
    const sizes = Array.from({ length: 900 }, () => 100);
    const { answer, asked } = ofSizes(sizes);
    const { kube } = await setUp(t, answer);
    assert.equal(new Set(await namesIn(kube)).size, 900);
    assert.deepEqual(asked, [10, 40, 160, 200, 200, 200, 200]);
  });

  it('shrink to one object if objects are larger than a megabyte, and no page of many large objects is read', async (t) => {
    const sizes = [...Array.from({ length: 210 }, () => 100), ...Array.from({ length: 30 }, () => 1_400_000)];
    const { answer, asked } = ofSizes(sizes);
    const { kube } = await setUp(t, answer);
    assert.deepEqual(
      await namesIn(kube),
      sizes.map((_, index) => `p${index}`),
    );
    assert.deepEqual(asked.slice(0, 3), [10, 40, 160]);
    assert.ok(
      asked.slice(8).every((limit) => limit === 1),
      asked.join(),
    );
  });
});
