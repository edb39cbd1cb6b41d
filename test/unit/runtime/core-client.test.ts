import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import {
  type CoreClient,
  CoreError,
  type CoreFault,
  createCoreClient,
} from '../../../runtime/core-client.ts';
import { type CoreServer, startCoreServer } from '../../cluster/core-server.ts';
import { eventually } from '../stand-ins/eventually.ts';
import { ManualClock } from '../stand-ins/manual-clock.ts';

const HOST = '127.0.0.1';
const TIMEOUT_MS = 5000;
const BYTES_MAX = 64 * 1024;
const PEER = { host: '10.0.0.5', port: 11_625 };

/** A client for which only that time passes which the test lets pass. */
const clientOf = (port: number, clock = new ManualClock(), bytesMax = BYTES_MAX): CoreClient =>
  createCoreClient({ clock, port, timeoutMs: TIMEOUT_MS, bytesMax });

/** The three requests that the client can send. */
const questions = (client: CoreClient, host = HOST): Array<() => Promise<unknown>> => [
  () => client.peers(host),
  () => client.info(host),
  () => client.connect(host, PEER),
];

async function core(t: TestContext, options?: { host: string; port: number }): Promise<CoreServer> {
  const server = await startCoreServer(options);
  t.after(() => server.stop());
  return server;
}

/** A server that calls `answer` with each connection and the first request on it. */
async function raw(t: TestContext, respond: (socket: Socket, asked: string) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    socket.once('data', (data) => respond(socket, data.toString('latin1')));
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, open: () => sockets.size };
}

/** A server that writes the same bytes on each connection, then ends the connection or leaves it open. */
const scripted = (t: TestContext, text: string, ended = true) =>
  raw(t, (socket) => {
    if (ended) socket.end(text);
    else socket.write(text);
  });

async function fails(fault: CoreFault, ask: () => Promise<unknown>): Promise<CoreError> {
  const error = await ask().then(
    (value) => assert.fail(`answered ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof CoreError, String(error));
  assert.equal(error.fault, fault, error.message);
  assert.match(error.message, /^GET http:\/\/[\d.]+:\d+\/(peers|info|connect\?)/);
  return error;
}

const allClosed = (server: CoreServer) =>
  eventually('no connection is left', () => server.openConnections === 0);

describe('asking stellar-core', () => {
  it('reads its peers and its state, and lets it dial a peer', async (t) => {
    const server = await core(t);
    const client = clientOf(server.port);
    assert.deepEqual(await client.peers(HOST), new Set());
    await client.connect(HOST, PEER);
    assert.deepEqual(await client.peers(HOST), new Set(['10.0.0.5:11625']));
    server.info.age = 5;
    const expected = { synced: true };
    assert.deepEqual(await client.info(HOST), expected);
    assert.deepEqual(server.calls, ['/peers', '/connect?peer=10.0.0.5&port=11625', '/peers', '/info']);
    await allClosed(server);
  });

  it('sends each request once, many at a time, and keeps no connection', async (t) => {
    const server = await core(t);
    const client = clientOf(server.port);
    const ports = Array.from({ length: 40 }, (_, index) => index + 1);
    await Promise.all(ports.map((port) => client.connect(HOST, { host: '10.0.0.5', port })));
    const expected = ports.map((port) => `/connect?peer=10.0.0.5&port=${port}`);
    assert.deepEqual([...server.calls].sort(), expected.sort());
    await allClosed(server);
  });

  it('reaches each pod at its own address, all at the same port', async (t) => {
    // Addresses that only this process uses, because the port is fixed and another run may be under way.
    const tail = `${(process.pid >> 8) & 255}.${process.pid & 255}`;
    const servers = [
      await core(t, { host: `127.44.${tail}`, port: 11_626 }),
      await core(t, { host: `127.45.${tail}`, port: 11_626 }),
    ];
    const client = clientOf(11_626);
    for (const { host } of servers) await client.connect(host, PEER);
    for (const { calls } of servers) assert.deepEqual(calls, ['/connect?peer=10.0.0.5&port=11625']);
  });

  it('sends a bare GET and nothing else', async (t) => {
    const seen: string[] = [];
    const server = await raw(t, (socket, asked) => {
      seen.push(asked);
      socket.end('HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\nConnect to: 10.0.0.5:11625');
    });
    await clientOf(server.port).connect(HOST, PEER);
    const lines = (seen[0] ?? '').split('\r\n');
    assert.equal(seen.length, 1);
    assert.equal(lines[0], 'GET /connect?peer=10.0.0.5&port=11625 HTTP/1.1');
    assert.deepEqual(
      lines
        .slice(1)
        .map((line) => line.toLowerCase())
        .sort(),
      ['', '', 'connection: close', `host: ${HOST}:${server.port}`, 'user-agent: stellar-peers'],
    );
  });

  it('passes a peer as one parameter, whatever characters its name has', async (t) => {
    const server = await core(t);
    const client = clientOf(server.port);
    const names = [
      'v-0.v-headless.stellar.svc.cluster.local',
      'a&port=1',
      'a#b',
      'a b?c=d/../stop',
      'é%26\r\nx: y',
    ];
    for (const name of names) await client.connect(HOST, { host: name, port: 11_625 });
    const asked = server.calls.map((target) => new URL(target, 'http://core'));
    assert.equal(server.calls[0], `/connect?peer=${names[0]}&port=11625`);
    for (const [index, { pathname, searchParams }] of asked.entries()) {
      assert.equal(pathname, '/connect');
      assert.deepEqual(
        [...searchParams],
        [
          ['peer', names[index]],
          ['port', '11625'],
        ],
      );
    }
    assert.equal(asked.length, names.length);
  });

  it('waits for a slow answer', async (t) => {
    const server = await core(t);
    Object.assign(server, { behaviour: 'slow', slowMs: 20 });
    for (const ask of questions(clientOf(server.port))) await ask();
    assert.equal(server.calls.length, 3);
    await allClosed(server);
  });

  it('takes no proxy from the environment', async (t) => {
    const server = await core(t);
    const proxy = await core(t);
    const program = `
      import { createCoreClient } from './runtime/core-client.ts';
      const clock = { after: () => () => undefined };
      const client = createCoreClient({ clock, port: ${server.port}, timeoutMs: 1, bytesMax: ${BYTES_MAX} });
      await client.info('${HOST}');`;
    const url = `http://${HOST}:${proxy.port}`;
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      env: { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: url, http_proxy: url },
    });
    assert.deepEqual([server.calls, proxy.calls], [['/info'], []]);
  });
});

describe('a stellar-core that does not answer', () => {
  it('counts as refusing if nothing listens', async (t) => {
    const server = await core(t);
    await server.stop();
    for (const ask of questions(clientOf(server.port))) await fails('refused', ask);
  });

  it('counts as refusing if no connection is established in time', async (t) => {
    const server = await core(t);
    const clock = new ManualClock();
    for (const ask of questions(clientOf(server.port, clock))) {
      const failing = fails('refused', ask);
      // The timeout fires before the event loop sees a connection, as with a firewall that drops packets.
      clock.advance(TIMEOUT_MS);
      await failing;
    }
    assert.deepEqual(server.calls, []);
    await allClosed(server);
  });

  it('counts as refusing if the connection ends before an answer begins', async (t) => {
    const resetting = await raw(t, (socket) => socket.resetAndDestroy());
    for (const ask of questions(clientOf(resetting.port))) await fails('refused', ask);
    const ending = await raw(t, (socket) => socket.end());
    for (const ask of questions(clientOf(ending.port))) await fails('refused', ask);
  });

  it('counts as failed if it hangs, and the connection is closed in time', async (t) => {
    const server = await core(t);
    server.behaviour = 'hang';
    const clock = new ManualClock();
    for (const [index, ask] of questions(clientOf(server.port, clock)).entries()) {
      const failing = fails('failed', ask);
      await eventually('it is asked', () => server.calls.length === index + 1);
      clock.advance(TIMEOUT_MS);
      await failing;
    }
    assert.equal(server.calls.length, 3);
    await allClosed(server);
  });

  it('counts as failed if the answer comes byte by byte without end', async (t) => {
    const heads = ['HTTP/1.1 200 OK\r\n\r\n', 'HTTP/1.1 200 OK\r\nx: ', ''];
    for (const head of heads) {
      let drops = 0;
      const server = await raw(t, (socket) => {
        socket.write(head);
        const drip = () => {
          if (socket.destroyed) return;
          drops += 1;
          socket.write(head === '' ? 'HTTP/1.1 100 Continue\r\n\r\n' : ' ', () => setImmediate(drip));
        };
        drip();
      });
      const clock = new ManualClock();
      const failing = fails('failed', () => clientOf(server.port, clock).info(HOST));
      for (const wanted of [10, 20]) {
        await eventually('it drips', () => drops >= wanted);
        clock.advance(TIMEOUT_MS / 2);
      }
      await failing;
      await eventually('no connection is left', () => server.open() === 0);
    }
  });

  it('is never looked up by name', async (t) => {
    const server = await core(t);
    for (const host of ['localhost', '127.1', '::1', '', `${HOST}/stop?`]) {
      const error = await clientOf(server.port)
        .info(host)
        .catch((reason: unknown) => reason);
      assert.ok(error instanceof CoreError && error.fault === 'failed', host);
    }
    assert.deepEqual(server.calls, []);
  });
});

describe('an invalid answer', () => {
  it('is a failure: an error, garbage, a refusal with status 200', async (t) => {
    const server = await core(t);
    for (const behaviour of ['error', 'garbage', 'exception'] as const) {
      server.behaviour = behaviour;
      const [peers, info, connect] = questions(clientOf(server.port));
      for (const ask of [peers, info]) if (ask) await fails('failed', ask);
      if (connect) await fails(behaviour === 'error' ? 'failed' : 'declined', connect);
    }
    assert.equal(server.calls.length, 9);
    await allClosed(server);
  });

  it('is reported in the words of stellar-core', async (t) => {
    const server = await core(t);
    server.behaviour = 'exception';
    const [peers] = questions(clientOf(server.port));
    assert.ok(peers);
    const refused = await fails('failed', peers);
    assert.match(refused.message, /: the answer is "the command was refused"$/);
    const booting = await raw(t, (socket) =>
      socket.end('HTTP/1.1 200 OK\r\n\r\nCore is booting, try later\n'),
    );
    const { message } = await fails('failed', () => clientOf(booting.port).peers(HOST));
    assert.match(message, /: the answer is "Core is booting, try later"$/);
  });

  it('is a failure: a redirect, which is not followed', async (t) => {
    const server = await core(t);
    server.behaviour = 'redirect';
    for (const ask of questions(clientOf(server.port))) await fails('failed', ask);
    assert.deepEqual([server.calls.length, server.redirectedTo], [3, 0]);
    await allClosed(server);
  });

  it('is a failure: a body without end, which is not read to the deadline', async (t) => {
    const server = await core(t);
    server.behaviour = 'endless';
    for (const ask of questions(clientOf(server.port))) {
      const error = await fails('failed', ask);
      assert.match(error.message, /more than 65536 bytes/);
    }
    await allClosed(server);
  });

  it('is a failure: a good answer that is one byte too large', async (t) => {
    const server = await core(t);
    await clientOf(server.port).connect(HOST, PEER);
    const text = 'Connect to: 10.0.0.5:11625';
    const tight = (bytesMax: number) => clientOf(server.port, undefined, bytesMax);
    await tight(text.length).connect(HOST, PEER);
    await fails('failed', () => tight(text.length - 1).connect(HOST, PEER));
  });

  it('is a failure: an answer that is cut short, has another status, too many headers or another protocol', async (t) => {
    const texts = [
      'HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\nConnect to: 10.0.0.5:11625',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nConne',
      `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(10_000)}\r\nConnect to: 10.0.0.5:11625`,
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nConnect to: 10.0.0.5:11625',
      'HTTP/1.1 203 Not Mine\r\n\r\nConnect to: 10.0.0.5:11625',
      'HTTP/1.1 302 Found\r\nlocation: /connect\r\n\r\nConnect to: 10.0.0.5:11625',
      'HTTP/1.1 204 No Content\r\n\r\n',
      'SSH-2.0-OpenSSH_9.9\r\n',
      'Connect to: 10.0.0.5:11625',
    ];
    for (const text of texts) {
      const server = await scripted(t, text);
      for (const ask of questions(clientOf(server.port))) await fails('failed', ask);
      await eventually('no connection is left', () => server.open() === 0);
    }
  });

  it('leaves no connection open, even if the other side keeps its end open', async (t) => {
    const texts = [
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
      'HTTP/1.1 500 No\r\ncontent-length: 9000\r\nconnection: keep-alive\r\n\r\n',
      'SSH-2.0-OpenSSH_9.9\r\n',
    ];
    for (const text of texts) {
      const server = await scripted(t, text, false);
      // No time passes: the failure of the request alone closes the connection.
      for (const ask of questions(clientOf(server.port))) await fails('failed', ask);
      await eventually('no connection is left', () => server.open() === 0);
    }
  });
});
