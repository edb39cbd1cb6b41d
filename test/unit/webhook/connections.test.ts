/** What callers may cost us, over real connections. Each test itself ends the timeouts, so no test waits for one. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { BODY_BYTES_MAX, LARGE_BYTES, LIMITS, type Limits } from '../../../webhook/http/limits.ts';
import { eventually } from '../stand-ins/eventually.ts';
import { listening, operatorPod, PATH, reviewOf } from './served.ts';

const REVIEW = JSON.stringify(reviewOf(operatorPod()));
/** Ends a test that would never end. No test takes so long, also on a busy machine. */
const timeout = 90_000;
/** The number of letters that arrive before the time is over. */
const LETTERS = 5;

const head = (headers: Record<string, string | number> = {}, line = `POST ${PATH} HTTP/1.1`) =>
  `${[line, 'host: localhost', ...Object.entries(headers).map(([key, value]) => `${key}: ${value}`)].join('\r\n')}\r\n\r\n`;
const post = (body: string) =>
  `${head({ 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })}${body}`;
const beginning = (length: number) => head({ 'content-type': 'application/json', 'content-length': length });

/** Everything that the connection receives until it is closed, or until the text matches `enough`. */
function received(socket: TLSSocket, enough: RegExp | undefined = undefined): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
      if (enough?.test(text)) resolve(text);
    });
    socket.once('close', () => resolve(text));
  });
}

/** Sends the next letter when `far` has the one before, until the connection is closed. Resolves when some have arrived. */
function letterByLetter(socket: TLSSocket, far: TLSSocket, letter: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const send = async () => {
    for (let sent = 1; socket.writable; sent += 1) {
      const before = far.bytesRead;
      socket.write(letter);
      while (socket.writable && far.bytesRead === before) await turn();
      if (sent === LETTERS) resolve();
    }
  };
  void send();
  return promise;
}

const refusalIn = (text: string) => {
  const [first = '', ...rest] = text.split('\r\n\r\n');
  return { status: Number(first.split(' ')[1]), error: JSON.parse(rest.join('') || '{}').error };
};
const SENTENCE = /^[A-Z][^\n]*\.$/;

async function setUp(t: TestContext, limits: Partial<Limits> = {}) {
  const served = await listening({ limits: { checkEveryMs: 20, ...limits } });
  t.after(served.stop);
  const { server } = served.server.app;
  const patience = { headersTimeout: server.headersTimeout, requestTimeout: server.requestTimeout };
  /** From now on, all headers and bodies are late. */
  const timeIsOver = () => void Object.assign(server, { headersTimeout: 1, requestTimeout: 1 });
  /** A connection: the client's end and the server's end. */
  const bothEnds = async (): Promise<[TLSSocket, TLSSocket]> => {
    const accepted = once(server, 'secureConnection') as Promise<[TLSSocket]>;
    const socket = await served.connection();
    return [socket, (await accepted)[0]];
  };
  /** Asserts that a good review is still answered, so a refused client has broken nothing for others. */
  const assertServes = async () => {
    Object.assign(server, patience);
    const socket = await served.connection();
    socket.write(post(REVIEW));
    assert.match(await received(socket, /"patchType"/), /^HTTP\/1.1 200 [\s\S]*"allowed":true/);
    socket.destroy();
  };
  return { ...served, assertServes, timeIsOver, bothEnds };
}

describe('a caller', { timeout }, () => {
  it('has the timeouts that the limits set', async (t) => {
    const limits = { headersTimeoutMs: 11_000, requestTimeoutMs: 12_000, stalledTimeoutMs: 13_000 };
    const { server, bothEnds } = await setUp(t, limits);
    const [, far] = await bothEnds();
    const { headersTimeout, requestTimeout } = server.app.server;
    assert.deepEqual([headersTimeout, requestTimeout, far.timeout], [11_000, 12_000, 13_000]);
  });

  it('that sends its headers letter by letter is refused in time', async (t) => {
    const { bothEnds, timeIsOver, assertServes } = await setUp(t);
    const [socket, far] = await bothEnds();
    const answer = received(socket);
    socket.write(`POST ${PATH} HTTP/1.1\r\nhost: localhost\r\nx-slow: `);
    await letterByLetter(socket, far, 'x');
    timeIsOver();
    const { status, error } = refusalIn(await answer);
    assert.equal(status, 408);
    assert.match(error, SENTENCE);
    await assertServes();
  });

  it('that sends its body letter by letter is refused in time', async (t) => {
    const { bothEnds, timeIsOver, assertServes } = await setUp(t);
    const [socket, far] = await bothEnds();
    const answer = received(socket);
    socket.write(beginning(1_000_000));
    await letterByLetter(socket, far, '{');
    timeIsOver();
    assert.match(await answer, /^HTTP\/1.1 4/);
    await assertServes();
  });

  it('that sends nothing after the handshake is disconnected in time', async (t) => {
    const { connection, timeIsOver, assertServes } = await setUp(t);
    const answer = received(await connection());
    timeIsOver();
    await answer;
    await assertServes();
  });

  it('that sends nothing after the handshake keeps no review from its address waiting', async (t) => {
    const { bothEnds, assertServes } = await setUp(t, { atOnce: 1 });
    const [silent] = await bothEnds();
    const [other] = await bothEnds();
    await assertServes();
    assert.deepEqual([silent.closed, other.closed], [false, false]);
  });

  it('that never reads its answers is disconnected in time', async (t) => {
    const { bothEnds, results, assertServes } = await setUp(t);
    const [socket, far] = await bothEnds();
    socket.pause();
    socket.removeAllListeners('error').on('error', () => undefined);
    // Its image is copied to the init container, so the answer is more than fits between us and a client that does not read.
    const pod = operatorPod() as { spec: { containers: object[] } };
    Object.assign(pod.spec.containers[0] ?? {}, { image: `${'x'.repeat(3_000_000)}/stellar-core` });
    socket.write(post(JSON.stringify(reviewOf(pod))));
    await eventually('an answer that is not taken', () => far.writableLength > 0);
    assert.deepEqual([results, far.timeout], [['patched'], LIMITS.stalledTimeoutMs]);
    far.setTimeout(1);
    await eventually('it is cut off', () => far.destroyed);
    await assertServes();
  });

  it('above the limit on connections is let in if another address has more, and the oldest connection of that address is closed', async (t) => {
    const { connection, lines } = await setUp(t, { connections: 3 });
    const apiServer = await connection();
    const [oldest] = [
      await connection({ localAddress: '127.0.0.2' } as object),
      await connection({ localAddress: '127.0.0.2' } as object),
    ];
    const closed = once(oldest, 'close');
    const newcomer = await connection();
    await closed;
    const assertAnswers = async (socket: TLSSocket) => {
      socket.write(post(REVIEW));
      assert.match(await received(socket, /"patchType"/), /^HTTP\/1.1 200/);
    };
    await assertAnswers(apiServer);
    await assertAnswers(newcomer);
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

  it('with more headers than an API server sends is refused, or read without the surplus headers', async (t) => {
    const { connection, assertServes } = await setUp(t);
    const socket = await connection();
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`x-${index}`, '1']));
    socket.write(head({ ...many, 'content-type': 'application/json', 'content-length': 0 }));
    const { status, error } = refusalIn(await received(socket, /\."}/));
    // Node 26 refuses too many headers. Node 24 drops the surplus, among them the type and the length of the body.
    assert.ok([400, 415, 431].includes(status), `answered by ${status}`);
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

  it('that asks for a tunnel is refused', async (t) => {
    const { connection, assertServes } = await setUp(t);
    const socket = await connection();
    socket.write(head({}, 'CONNECT example.org:443 HTTP/1.1'));
    assert.doesNotMatch(await received(socket), /^HTTP\/1.1 2/);
    await assertServes();
  });

  it('that sends several reviews in one piece, without waiting for an answer, gets no answer', async (t) => {
    const { bothEnds, results, assertServes } = await setUp(t);
    const [socket, far] = await bothEnds();
    const answer = received(socket);
    socket.write(post(REVIEW).repeat(3));
    await eventually('it is not read any more', () => far.isPaused());
    assert.deepEqual(results, []);
    socket.destroy();
    assert.equal(await answer, '');
    await assertServes();
  });

  // Like Go's client: one connection for each review that is under way, kept for the next review.
  it('with hundreds of reviews at once gets an answer to each, on new connections and on kept connections', async (t) => {
    const { connection, lines } = await setUp(t);
    const review = async (opened: Promise<TLSSocket>) => {
      const socket = await opened;
      // Longer than a TLS record.
      const answer = received(socket, /\}\}$/);
      socket.write(post(REVIEW));
      assert.match(await answer, /^HTTP\/1.1 200/);
      return socket;
    };
    let opened = Array.from({ length: 250 }, () => connection());
    for (let round = 0; round < 3; round += 1) opened = opened.map(review);
    await Promise.all(opened);
    assert.deepEqual(lines, []);
  });

  it('that disconnects before its answer is sent costs no other client an answer', async (t) => {
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

  it('that disconnects in the middle of a review costs no other client an answer', async (t) => {
    const { connection, assertServes } = await setUp(t);
    const socket = await connection();
    socket.write(post(REVIEW).slice(0, -100));
    socket.destroy();
    await assertServes();
  });
});

describe('large bodies', { timeout }, () => {
  it('are read a few at once, and the next is refused with 429 until there is room', async (t) => {
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

  it('of the full size are served, and one byte more is refused, with or without Content-Length', async (t) => {
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

describe('TLS', { timeout }, () => {
  it('has version 1.3, version 1.2 for a client without 1.3, and no older version', async (t) => {
    const { connection } = await setUp(t);
    assert.equal((await connection()).getProtocol(), 'TLSv1.3');
    assert.equal((await connection({ maxVersion: 'TLSv1.2' })).getProtocol(), 'TLSv1.2');
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await assert.rejects(connection(old), /protocol version/);
  });

  it('is required, and a connection whose handshake does not finish is closed', async (t) => {
    const { server, assertServes } = await setUp(t, { headersTimeoutMs: 100 });
    const { connect } = await import('node:net');
    const { port } = server.app.server.address() as { port: number };
    for (const text of ['', post(REVIEW)]) {
      const socket = connect(port, '127.0.0.1', () => void socket.write(text));
      socket.on('error', () => undefined);
      await new Promise((resolve) => socket.resume().once('close', resolve));
    }
    // The time is short for every handshake here: on a busy machine a good one may need another try.
    await eventually('a review is answered', () =>
      assertServes().then(
        () => true,
        () => false,
      ),
    );
  });
});

it('the shipped limits leave room for every review of an API server', () => {
  assert.ok(LIMITS.headersTimeoutMs >= 5_000 && LIMITS.requestTimeoutMs >= 5_000);
  assert.ok(LIMITS.stalledTimeoutMs > LIMITS.requestTimeoutMs);
  assert.ok(LIMITS.connections >= 256);
  assert.ok(LIMITS.largeBodies * BODY_BYTES_MAX + LIMITS.connections * LARGE_BYTES < 128 * 1024 * 1024);
});
