/** What callers may cost us, over real connections: the times are shortened, the rest is as it is shipped. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { BODY_BYTES_MAX, LARGE_BYTES, LIMITS, type Limits } from '../../../webhook/limits.ts';
import { listening, operatorPod, PATH, reviewOf } from './served.ts';

const REVIEW = JSON.stringify(reviewOf(operatorPod()));
const DEADLINE_MS = 10_000;

const head = (headers: Record<string, string | number> = {}, line = `POST ${PATH} HTTP/1.1`) =>
  `${[line, 'host: localhost', ...Object.entries(headers).map(([key, value]) => `${key}: ${value}`)].join('\r\n')}\r\n\r\n`;
const post = (body: string) =>
  `${head({ 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })}${body}`;
const beginning = (length: number) => head({ 'content-type': 'application/json', 'content-length': length });

/** Everything that comes on the connection until it is closed, or `enough` of it has come. Fails at the deadline. */
function received(socket: TLSSocket, enough: RegExp | undefined = undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(
      () => reject(new Error(`still open after ${DEADLINE_MS} ms: ${text}`)),
      DEADLINE_MS,
    );
    const end = () => {
      clearTimeout(timer);
      resolve(text);
    };
    socket.on('data', (chunk) => {
      text += chunk;
      if (enough?.test(text)) end();
    });
    socket.once('close', end);
  });
}

const refusalIn = (text: string) => {
  const [first = '', ...rest] = text.split('\r\n\r\n');
  return { status: Number(first.split(' ')[1]), error: JSON.parse(rest.join('') || '{}').error };
};
const SENTENCE = /^[A-Z][^\n]*\.$/;

async function setUp(t: TestContext, limits: Partial<Limits> = {}) {
  const served = await listening({ limits: { checkEveryMs: 20, ...limits } });
  t.after(served.stop);
  /** Whoever has been turned away must not have broken it for the others. */
  const assertServes = async () => {
    const socket = await served.connection();
    socket.write(post(REVIEW));
    assert.match(await received(socket, /"patchType"/), /^HTTP\/1.1 200 [\s\S]*"allowed":true/);
    socket.destroy();
  };
  return { ...served, assertServes };
}

describe('a caller', { timeout: 30_000 }, () => {
  it('that sends its headers letter by letter is turned away in time', async (t) => {
    const { connection, assertServes } = await setUp(t, { headersTimeoutMs: 100, requestTimeoutMs: 100 });
    const socket = await connection();
    const timer = setInterval(() => socket.writable && socket.write('x'), 10);
    t.after(() => clearInterval(timer));
    socket.write(`POST ${PATH} HTTP/1.1\r\nhost: localhost\r\nx-slow: `);
    const { status, error } = refusalIn(await received(socket));
    assert.equal(status, 408);
    assert.match(error, SENTENCE);
    await assertServes();
  });

  it('that sends its body letter by letter is turned away in time', async (t) => {
    const { connection, assertServes } = await setUp(t, { headersTimeoutMs: 100, requestTimeoutMs: 150 });
    const socket = await connection();
    socket.write(beginning(1_000));
    const timer = setInterval(() => socket.writable && socket.write('{'), 10);
    t.after(() => clearInterval(timer));
    assert.match(await received(socket), /^HTTP\/1.1 4/);
    await assertServes();
  });

  it('that says nothing after the handshake is turned away in time', async (t) => {
    const { connection, assertServes } = await setUp(t, { headersTimeoutMs: 100, requestTimeoutMs: 100 });
    await received(await connection());
    await assertServes();
  });

  it('that never reads its answers is cut off in time', async (t) => {
    const { connection, server, results, assertServes } = await setUp(t, { stalledTimeoutMs: 200 });
    const accepted = once(server.app.server, 'secureConnection') as Promise<[TLSSocket]>;
    const socket = await connection();
    const [far] = await accepted;
    socket.pause();
    socket.removeAllListeners('error').on('error', () => undefined);
    // Its image is copied to the init container, so the answer is more than fits between us and whoever does not read.
    const pod = operatorPod() as { spec: { containers: object[] } };
    Object.assign(pod.spec.containers[0] ?? {}, { image: `${'x'.repeat(3_000_000)}/stellar-core` });
    socket.write(post(JSON.stringify(reviewOf(pod))));
    const deadlineMs = performance.now() + DEADLINE_MS;
    while (!far.destroyed && performance.now() < deadlineMs) await new Promise(setImmediate);
    assert.deepEqual([far.destroyed, results], [true, ['patched']]);
    await assertServes();
  });

  it('beyond the cap on connections is dropped, and idle connections make room for the next', async (t) => {
    const { connection, lines, assertServes } = await setUp(t, { connections: 3 });
    const idle = await Promise.all([connection(), connection(), connection()]);
    for (const socket of idle) {
      socket.write(post(REVIEW));
      await received(socket, /"patchType"/);
    }
    const closed = Promise.all(idle.map((socket) => once(socket, 'close')));
    await assert.rejects(connection());
    await closed;
    await assertServes();
    assert.deepEqual(
      lines.map(({ level }) => level),
      ['warn'],
    );
  });

  it('with more header bytes than an API server sends is refused', async (t) => {
    const { connection, assertServes, results } = await setUp(t);
    const socket = await connection();
    socket.write(head({ 'x-large': 'x'.repeat(20_000) }));
    const { status, error } = refusalIn(await received(socket));
    assert.equal(status, 431);
    assert.match(error, SENTENCE);
    await assertServes();
    assert.deepEqual(results, ['rejected', 'patched']);
  });

  it('with more headers than an API server sends is refused, or heard without the rest of them', async (t) => {
    const { connection, assertServes } = await setUp(t);
    const socket = await connection();
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`x-${index}`, '1']));
    socket.write(head({ ...many, 'content-type': 'application/json', 'content-length': 0 }));
    const { status, error } = refusalIn(await received(socket, /\."}/));
    assert.ok([415, 431].includes(status), `answered by ${status}`);
    assert.match(error, SENTENCE);
    await assertServes();
  });

  const ODD_REQUESTS: ReadonlyArray<[string, string]> = [
    ['no HTTP', 'hello\r\n\r\n'],
    ['two different lengths', head({ 'Content-Length': 5, 'content-length': 6 })],
    ['a length and chunks', head({ 'content-length': 5, 'transfer-encoding': 'chunked' })],
    ['a length that is no number', head({ 'content-length': '-1' })],
    [
      'chunks that are none',
      `${head({ 'transfer-encoding': 'chunked', 'content-type': 'application/json' })}zz\r\n`,
    ],
    ['HTTP of another version', head({}, `POST ${PATH} HTTP/9.9`)],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a header with a line break in it', `POST ${PATH} HTTP/1.1\r\nhost: localhost\r\nx: a\nb\r\n\r\n`],
    [
      'a path that cannot be decoded',
      head({ connection: 'close', 'content-length': 0 }, 'POST /%ff HTTP/1.1'),
    ],
    ['a method that is none of ours', head({ connection: 'close' }, `PROPFIND ${PATH} HTTP/1.1`)],
    [
      'a wish to upgrade',
      head({ connection: 'close, upgrade', upgrade: 'websocket' }, `GET ${PATH} HTTP/1.1`),
    ],
  ];
  for (const [what, text] of ODD_REQUESTS) {
    it(`that sends ${what} gets a 4xx and a sentence, and its connection is closed`, async (t) => {
      const { connection, assertServes } = await setUp(t);
      const socket = await connection();
      socket.write(text);
      const { status, error } = refusalIn(await received(socket));
      assert.ok(status >= 400 && status < 500, `answered by ${status}`);
      assert.match(error, SENTENCE);
      await assertServes();
    });
  }

  it('that asks for a tunnel gets none', async (t) => {
    const { connection, assertServes } = await setUp(t);
    const socket = await connection();
    socket.write(head({}, 'CONNECT example.org:443 HTTP/1.1'));
    assert.doesNotMatch(await received(socket), /^HTTP\/1.1 2/);
    await assertServes();
  });

  const pipelined = (count: number) => {
    const uids = Array.from({ length: count }, (_, index) => `uid-${index}`);
    const reviews = uids.map((uid) => JSON.stringify(reviewOf({}, { uid, operation: 'DELETE' })));
    return { uids, text: reviews.map(post).join('') };
  };

  it('that sends several reviews in one piece gets an answer to each, in order', async (t) => {
    const { connection } = await setUp(t);
    const socket = await connection();
    const { uids, text } = pipelined(40);
    socket.write(text);
    assert.deepEqual((await received(socket, /"uid-39"/)).match(/uid-\d+/g), uids);
    socket.destroy();
  });

  // Node closes a connection whose answers pile up while it reads. No API server sends more than one at a time.
  it('that sends thousands of reviews in one piece costs nobody else an answer', async (t) => {
    const { connection, assertServes } = await setUp(t);
    const socket = await connection();
    socket.removeAllListeners('error').on('error', () => undefined);
    const { uids, text } = pipelined(5_000);
    socket.write(text);
    const served = assertServes();
    const answered = (await received(socket, /"uid-4999"/)).match(/uid-\d+/g) ?? [];
    assert.deepEqual(answered, uids.slice(0, answered.length));
    await served;
    await assertServes();
  });

  it('that is gone before its answer is there costs nobody else an answer', async (t) => {
    const { connection, server, results, assertServes } = await setUp(t);
    const closed = Promise.withResolvers<void>();
    server.app.server.once('request', (incoming) => {
      incoming.once('end', () => {
        incoming.socket.destroy();
        incoming.socket.once('close', closed.resolve);
      });
    });
    const socket = await connection();
    socket.write(post(REVIEW));
    await closed.promise;
    await assertServes();
    assert.deepEqual(results, ['patched', 'patched']);
  });

  it('that breaks off in the middle of a review costs nobody else an answer', async (t) => {
    const { connection, assertServes } = await setUp(t);
    const socket = await connection();
    socket.write(post(REVIEW).slice(0, -100));
    socket.destroy();
    await assertServes();
  });
});

describe('large bodies', { timeout: 30_000 }, () => {
  it('are read a few at once, the next is told to come again, and is served when there is room', async (t) => {
    const { connection, assertServes, results } = await setUp(t, { largeBodies: 2 });
    const large = `${REVIEW}${' '.repeat(LARGE_BYTES)}`;
    const halves = await Promise.all([connection(), connection()]);
    for (const socket of halves) {
      socket.write(
        `${head({ 'content-type': 'application/json', 'content-length': large.length, expect: '100-continue' })}`,
      );
      await received(socket, /100 Continue/);
    }
    const third = await connection();
    third.write(post(large));
    const { status, error } = refusalIn(await received(third, /\."}/));
    assert.equal(status, 429);
    assert.match(error, SENTENCE);
    await assertServes();
    for (const socket of halves) socket.write(large);
    await Promise.all(halves.map((socket) => received(socket, /"patchType"/)));
    const fourth = await connection();
    fourth.write(post(large));
    assert.match(await received(fourth, /"patchType"/), /^HTTP\/1.1 200/);
    assert.deepEqual(results, ['rejected', 'patched', 'patched', 'patched', 'patched']);
  });

  it('of the full size are served, and a byte more is refused, whether or not it was announced', async (t) => {
    const { connection } = await setUp(t);
    const full = REVIEW.padEnd(BODY_BYTES_MAX);
    const fits = await connection();
    fits.write(post(full));
    assert.match(await received(fits, /"patchType"/), /^HTTP\/1.1 200/);
    const announced = await connection();
    announced.write(post(`${full} `));
    assert.equal(refusalIn(await received(announced)).status, 413);
    const chunked = await connection();
    const chunk = `${full} `;
    chunked.write(head({ 'content-type': 'application/json', 'transfer-encoding': 'chunked' }));
    chunked.write(`${chunk.length.toString(16)}\r\n${chunk}\r\n0\r\n\r\n`);
    assert.equal(refusalIn(await received(chunked)).status, 413);
  });
});

describe('TLS', { timeout: 30_000 }, () => {
  it('is 1.3 with whoever speaks it, 1.2 with who does not, and nothing older', async (t) => {
    const { connection } = await setUp(t);
    assert.equal((await connection()).getProtocol(), 'TLSv1.3');
    assert.equal((await connection({ maxVersion: 'TLSv1.2' })).getProtocol(), 'TLSv1.2');
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await assert.rejects(connection(old), /protocol version/);
  });

  it('is the only thing that is spoken, and a handshake that is not finished is cut off', async (t) => {
    const { server, assertServes } = await setUp(t, { headersTimeoutMs: 100 });
    const { connect } = await import('node:net');
    const { port } = server.app.server.address() as { port: number };
    for (const text of ['', post(REVIEW)]) {
      const socket = connect(port, '127.0.0.1', () => void socket.write(text));
      socket.on('error', () => undefined);
      await new Promise((resolve) => socket.resume().once('close', resolve));
    }
    await assertServes();
  });
});

it('the shipped limits leave room for every review of an API server', () => {
  assert.ok(LIMITS.headersTimeoutMs >= 5_000 && LIMITS.requestTimeoutMs >= 5_000);
  assert.ok(LIMITS.stalledTimeoutMs > LIMITS.requestTimeoutMs);
  assert.ok(LIMITS.connections >= 256);
  assert.ok(LIMITS.largeBodies * BODY_BYTES_MAX + LIMITS.connections * LARGE_BYTES < 128 * 1024 * 1024);
});
