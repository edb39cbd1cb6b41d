/** What a browser gets from the page, and what a client may cost us. Over real connections. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { ASSETS } from '../../../page/assets.ts';
import { PAGE_LIMITS } from '../../../page/server.ts';
import { eventually } from '../stand-ins/eventually.ts';
import { servePage } from './served.ts';

const FILES = Object.keys(ASSETS);

describe('the status page', { timeout: 120_000 }, () => {
  it('serves every file with its type, and forbids the browser to load anything from elsewhere', async (t) => {
    const { app } = await servePage(t);
    for (const url of [...FILES, '/nowhere', '/%zz']) {
      const { headers, statusCode, body } = await app.inject({ method: 'GET', url });
      const expected = ASSETS[url];
      assert.equal(headers['content-type'], expected?.type ?? 'text/plain; charset=utf-8', url);
      if (expected) assert.deepEqual([statusCode, body], [200, expected.text]);
      else assert.ok(statusCode >= 400 && statusCode < 500, `${url}: ${statusCode}`);
      const policy = String(headers['content-security-policy']).split('; ');
      assert.ok(policy.includes("default-src 'none'"), url);
      for (const what of ['script-src', 'style-src', 'img-src', 'connect-src'])
        assert.ok(policy.includes(`${what} 'self'`), `${url}: ${what}`);
      assert.ok(policy.includes("frame-ancestors 'none'") && policy.includes("base-uri 'none'"));
      assert.ok(policy.includes("require-trusted-types-for 'script'"));
      assert.doesNotMatch(policy.join(' '), /unsafe|https?:|data:|\*/);
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['cache-control'], 'no-store');
    }
  });

  it('has no inline code, no file from elsewhere, and never reads a string as HTML', () => {
    const html = ASSETS['/']?.text ?? '';
    assert.doesNotMatch(html, /<style|<script(?![^>]*src=)|style=|\son[a-z]+=|javascript:/i);
    for (const [path, { text }] of Object.entries(ASSETS)) {
      const urls = (text.match(/(https?:)?\/\/[a-z][\w.-]+/g) ?? []).filter(
        (url) => url !== 'http://www.w3.org',
      );
      assert.deepEqual(urls, [], path);
      assert.doesNotMatch(
        text,
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\(/,
        path,
      );
    }
    // Every imported module exists.
    for (const { text } of Object.values(ASSETS))
      for (const [, name] of text.matchAll(/(?:from '\.|src="|href=")\/?([\w.]+\.(?:js|css|svg))/g))
        assert.ok(FILES.includes(`/${name}`), `${name} is not served`);
  });

  it('answers only if the Host header has a configured name or an address', async (t) => {
    const { app } = await servePage(t);
    const status = async (host: string, url = '/') =>
      (await app.inject({ method: 'GET', url, headers: { host } })).statusCode;
    const service = 'stellar-peers-status';
    const names = ['localhost', 'LocalHost:8082', 'status.example.org', service, `${service}.ours.svc`];
    const addresses = ['127.0.0.1:8082', '10.1.2.3', '[::1]:8082', '[fd00::1]'];
    for (const host of [...names, `${service}.ours.svc.cluster.local:80`, ...addresses])
      assert.equal(await status(host), 200, host);
    const others = [
      'evil.example.org',
      'localhost.evil.example.org',
      `${service}.evil`,
      '1.2.3.4.evil.org',
      'a:b:c',
    ];
    for (const host of others)
      for (const url of ['/', '/events', '/nowhere'])
        assert.equal(await status(host, url), 421, `${host}${url}`);
  });

  it('is read-only', async (t) => {
    const { app } = await servePage(t);
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const)
      for (const url of ['/', '/events', '/nowhere']) {
        const { statusCode, headers } = await app.inject({ method, url });
        assert.deepEqual([statusCode, headers.allow], [405, 'GET, HEAD'], `${method} ${url}`);
      }
    assert.equal((await app.inject({ method: 'HEAD', url: '/' })).statusCode, 200);
  });

  it('streams the state at once, and each change', async (t) => {
    const { clock, cluster, read } = await servePage(t);
    const reader = await read();
    assert.equal(reader.incoming.headers['content-type'], 'text/event-stream; charset=utf-8');
    await eventually('the state is there', () => reader.text.includes('"rollout":""'));
    cluster.change('paused');
    await clock.passUntil(() => reader.text.includes('"rollout":"paused"'), 500);
    const message = /event: snapshot\ndata: (.+)\ndata: (.+)\n\n/.exec(reader.text);
    const { name, leads, staleMs } = JSON.parse(message?.[1] ?? '');
    assert.deepEqual({ name, leads, staleMs }, { name: 'stellar-peers-1', leads: true, staleMs: 0 });
  });

  it('streams to a limited number of clients, and to another client when one has left', async (t) => {
    const { read } = await servePage(t, { watchers: 2 });
    const [first, second] = [await read(), await read()];
    const third = await read();
    assert.equal(third.incoming.statusCode, 503);
    assert.equal(third.incoming.headers['retry-after'], '10');
    first.incoming.destroy();
    await eventually('there is room', async () => {
      const next = await read();
      return next.incoming.statusCode === 200;
    });
    assert.equal(second.closed, false);
  });

  it('drops a client that sends its headers letter by letter', async (t) => {
    const { port } = await servePage(t, { headersTimeoutMs: 100, requestTimeoutMs: 200 });
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined).resume();
    socket.write('GET / HTTP/1.1\r\nx: ');
    await once(socket, 'close');
  });

  it('drops a client that does not read its stream', async (t) => {
    const { app, clock, cluster, port } = await servePage(t);
    const accepted = once(app.server, 'connection') as Promise<[Socket]>;
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    const [far] = await accepted;
    socket.write('GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n');
    socket.pause();
    await eventually('it watches', () => cluster.watching === 1);
    cluster.change('x'.repeat(20_000_000));
    await clock.passUntil(() => far.writableLength > 0, 500);
    assert.equal(far.timeout, PAGE_LIMITS.stalledTimeoutMs);
    far.setTimeout(1);
    await eventually('it watches no more', () => cluster.watching === 0);
    socket.destroy();
  });

  it('accepts a limited number of connections, and others when these are closed', async (t) => {
    const { app, port } = await servePage(t, {
      connections: 3,
      headersTimeoutMs: 300_000,
      requestTimeoutMs: 300_000,
    });
    const sockets = Array.from({ length: 3 }, () => connect(port, '127.0.0.1'));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    const refused = connect(port, '127.0.0.1').on('error', () => undefined);
    await once(refused.resume(), 'close');
    for (const socket of sockets) socket.destroy();
    await eventually(
      'it answers again',
      async () => (await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined))?.status === 200,
    );
    assert.ok(app.server.listening);
  });

  it('ends its streams when the page is closed', async (t) => {
    const { app, cluster, read } = await servePage(t);
    const reader = await read();
    await eventually('it watches', () => cluster.watching === 1);
    await app.close();
    await eventually(
      'the stream has ended, and no browser watches',
      () => reader.closed && cluster.watching === 0,
    );
  });
});
