/** What a browser gets, and what whoever reaches the port may cost us: over real connections, with shortened times. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { ASSETS } from '../../../page/assets.ts';
import { until } from '../../cluster/until.ts';
import { servePage } from './served.ts';

const FILES = Object.keys(ASSETS);

describe('the status page', { timeout: 60_000 }, () => {
  it('gives every file its type, and forbids everything that is not its own', async (t) => {
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

  it('has nothing inline, nothing from elsewhere, and no way to read a string as HTML', () => {
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
    // Every module that is asked for is there.
    for (const { text } of Object.values(ASSETS))
      for (const [, name] of text.matchAll(/(?:from '\.|src="|href=")\/?([\w.]+\.(?:js|css|svg))/g))
        assert.ok(FILES.includes(`/${name}`), `${name} is not served`);
  });

  it('can only be read', async (t) => {
    const { app } = await servePage(t);
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const)
      for (const url of ['/', '/events', '/nowhere']) {
        const { statusCode, headers } = await app.inject({ method, url });
        assert.deepEqual([statusCode, headers.allow], [405, 'GET, HEAD'], `${method} ${url}`);
      }
    assert.equal((await app.inject({ method: 'HEAD', url: '/' })).statusCode, 200);
  });

  it('streams the state at once, and each change', async (t) => {
    const { cluster, read } = await servePage(t);
    const reader = await read();
    assert.equal(reader.incoming.headers['content-type'], 'text/event-stream; charset=utf-8');
    await until('the state is there', async () => reader.text.includes('"rollout":""'));
    cluster.change('paused');
    await until('the change is there', async () => reader.text.includes('"rollout":"paused"'));
    const message = /event: snapshot\ndata: (.+)\ndata: (.+)\n\n/.exec(reader.text);
    const { name, leads, staleMs } = JSON.parse(message?.[1] ?? '');
    assert.deepEqual({ name, leads, staleMs }, { name: 'stellar-peers-1', leads: true, staleMs: 0 });
  });

  it('gives the stream to so many and no more, and to another once one has left', async (t) => {
    const { read } = await servePage(t, { watchers: 2 });
    const [first, second] = [await read(), await read()];
    const third = await read();
    assert.equal(third.incoming.statusCode, 503);
    assert.equal(third.incoming.headers['retry-after'], '10');
    first.incoming.destroy();
    await until('there is room', async () => {
      const next = await read();
      return next.incoming.statusCode === 200;
    });
    assert.equal(second.closed, false);
  });

  it('drops whoever sends its headers letter by letter', async (t) => {
    const { port } = await servePage(t, { headersTimeoutMs: 100, requestTimeoutMs: 200 });
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined).resume();
    socket.write('GET / HTTP/1.1\r\nx: ');
    await once(socket, 'close');
  });

  it('drops whoever takes nothing of the stream', async (t) => {
    const { cluster, feed, port } = await servePage(t, { stalledTimeoutMs: 300 });
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('GET /events HTTP/1.1\r\nhost: a\r\n\r\n');
    socket.pause();
    await until('it watches', async () => feed.watchers === 1);
    cluster.change('x'.repeat(20_000_000));
    await until('it watches no more', async () => feed.watchers === 0);
    socket.destroy();
  });

  it('takes so many connections and no more, and goes on after those are gone', async (t) => {
    const { app, port } = await servePage(t, {
      connections: 3,
      headersTimeoutMs: 300_000,
      requestTimeoutMs: 300_000,
    });
    const sockets = Array.from({ length: 3 }, () => connect(port, '127.0.0.1'));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    const dropped = connect(port, '127.0.0.1').on('error', () => undefined);
    dropped.resume();
    await once(dropped, 'close');
    for (const socket of sockets) socket.destroy();
    await until('it answers again', async () => (await fetch(`http://127.0.0.1:${port}/`)).status === 200);
    assert.ok(app.server.listening);
  });

  it('ends its streams when it is closed', async (t) => {
    const { app, cluster, read } = await servePage(t);
    const reader = await read();
    await until('it watches', async () => cluster.watching === 1);
    await app.close();
    await until(
      'the stream has ended, and nobody watches',
      async () => reader.closed && cluster.watching === 0,
    );
  });
});
