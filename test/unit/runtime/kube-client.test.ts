/**
 * Requests over real connections: pages, and what they cost.
 */
import assert from 'node:assert/strict';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { connect } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { createAuthority, issueLeaf } from '../../../certs/authority.ts';
import type { WatchEvent } from '../../../runtime/kube.ts';
import { createKube } from '../../../runtime/kube-client.ts';
import { Pods } from '../../../runtime/resources.ts';
import { listening } from './listening.ts';

const HOUR_MS = 3_600_000;

/** An API server that answers as it likes, and the client of one who trusts it, and who may have to go by a proxy. */
async function setUp(t: TestContext, answer: RequestListener, proxyUrl?: string) {
  const validity = { notBeforeMs: Date.now() - HOUR_MS, notAfterMs: Date.now() + HOUR_MS };
  const authority = await createAuthority(validity);
  const { certPem, keyPem } = await issueLeaf(authority, { ...validity, hosts: ['127.0.0.1'] });
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
  const kube = createKube(config, { timeoutMs: 5_000, userAgent: 'test' });
  return { kube, port, connections: () => connections };
}

/** A proxy that opens a way to wherever it is asked to, and remembers where that was. */
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

const pod = (name: string) => ({
  metadata: { name, managedFields: [{ manager: 'somebody', operation: 'Apply' }] },
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

  it('is read page by page: nothing of one is left when the next is asked for', async (t) => {
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

  it('is nothing where one page fails: its token may be too old by then', async (t) => {
    const { kube } = await setUp(t, paged(410));
    await assert.rejects(kube.list(Pods), { name: 'KubeError', status: 410 });
  });

  it('has no managedFields where nobody reads them', async (t) => {
    const { kube } = await setUp(t, paged(200));
    const managers = async (unmanaged: boolean) =>
      (await kube.list(Pods, { unmanaged })).items.map(({ metadata }) => metadata.managedFields?.length);
    assert.deepEqual(await managers(false), [1, 1, 1]);
    assert.deepEqual(await managers(true), [0, 0, 0]);
  });
});

it('requests that follow each other go over one connection, those at once over one each', async (t) => {
  const { kube, connections } = await setUp(
    t,
    (_, response) => void response.end('{"items":[],"metadata":{}}'),
  );
  for (let count = 0; count < 5; count += 1) await kube.list(Pods);
  assert.equal(connections(), 1);
  await Promise.all([kube.list(Pods), kube.list(Pods), kube.list(Pods)]);
  assert.equal(connections(), 3);
});

describe('a kubeconfig with a proxy', () => {
  it('has requests and watches go by it, each on a connection that trusts the API server alone', async (t) => {
    const proxy = await startProxy(t);
    const answer: RequestListener = ({ url = '', headers }, response) => {
      assert.equal(headers.authorization, 'Bearer secret');
      const event = { type: 'ADDED', object: pod('b') };
      response.end(
        url.includes('watch=true')
          ? `${JSON.stringify(event)}\n`
          : JSON.stringify({ metadata: {}, items: [pod('a')] }),
      );
    };
    const { kube, port } = await setUp(t, answer, proxy.url);
    const { items } = await kube.list(Pods);
    const watched: string[] = [];
    const note = ({ object }: WatchEvent) => watched.push(object.metadata.name);
    await kube.watch(Pods, { resourceVersion: '1' }, note, AbortSignal.timeout(5_000));
    assert.deepEqual([items.map(({ metadata }) => metadata.name), watched], [['a'], ['b']]);
    assert.deepEqual(proxy.ways, [`127.0.0.1:${port}`, `127.0.0.1:${port}`]);
  });
});
