/** How many requests a connection may send at once, and which connection is closed at the limit. Over real connections. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { guardConnections } from '../../../runtime/connections.ts';
import { eventually } from '../stand-ins/eventually.ts';

const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
/** A request whose body, one letter, is still missing. */
const BEGUN = 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\n';

/** A server that answers when `answerAll` is called. */
async function setUp(t: TestContext, connections = 100, atOnce = Number.POSITIVE_INFINITY) {
  const waiting: ServerResponse[] = [];
  const bodies: string[] = [];
  let full = 0;
  const times = { headersTimeout: 500, requestTimeout: 60_000, connectionsCheckingInterval: 20 };
  const server = createServer(times, (request, reply) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => bodies.push(body));
    waiting.push(reply);
  });
  guardConnections(server, { connections, atOnce, onFull: () => (full += 1) });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sockets: Socket[] = [];
  const open = async (localAddress = '127.0.0.1') => {
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const socket = connect({ host: '127.0.0.1', port, localAddress }).on('error', () => undefined);
    sockets.push(socket);
    await once(socket, 'connect');
    return [socket, (await accepted)[0]] as const;
  };
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const answerAll = (text = 'x') => {
    for (const reply of waiting.splice(0)) reply.end(text);
  };
  return { open, waiting, bodies, answerAll, timesFull: () => full };
}

const answersIn = (text: string): number => text.split('HTTP/1.1 200').length - 1;
const heard = (socket: Socket) => {
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
};

describe('a connection', { timeout: 60_000 }, () => {
  it('that sends very many requests in one piece is no longer read, and is closed when its time is over', async (t) => {
    const { open, waiting } = await setUp(t);
    const [socket, far] = await open();
    socket.resume().write(GET.repeat(1_800));
    await eventually('it is not read any more', () => far.isPaused());
    assert.equal(waiting.length, 0);
    await once(socket, 'close');
    assert.equal(waiting.length, 0);
  });

  it('that sends a request after each answer is read for ever', async (t) => {
    const { open, answerAll } = await setUp(t);
    const [socket] = await open();
    const text = heard(socket);
    for (let count = 1; count <= 100; count += 1) {
      socket.write(GET);
      await eventually('it is answered', () => {
        answerAll();
        return answersIn(text()) === count;
      });
    }
  });

  it('that sends a request before the server sees the end of its last answer is read', async (t) => {
    const { open, waiting, bodies, answerAll } = await setUp(t);
    const [socket] = await open();
    socket.write(GET);
    await eventually('it is asked', () => waiting.length === 1);
    const [reply] = waiting;
    const emit = reply?.emit.bind(reply);
    if (reply && emit)
      reply.emit = (name: string, ...rest: unknown[]) => name !== 'close' && emit(name, ...rest);
    answerAll();
    socket.write(BEGUN);
    await eventually('it is asked again', () => waiting.length === 1);
    socket.write('y');
    await eventually('its body is read', () => bodies.includes('y'));
  });

  it('that sends request after request without waiting for answers is no longer read', async (t) => {
    const { open, waiting } = await setUp(t);
    const [socket, far] = await open();
    for (let count = 0; count < 3; count += 1) {
      socket.write(GET);
      await eventually('it has come', () => far.bytesRead === GET.length * (count + 1));
    }
    await eventually('it is not read any more', () => far.isPaused());
    assert.ok(waiting.length <= 2);
  });

  it('has the body of its request read before the request is answered', async (t) => {
    const { open, bodies, answerAll } = await setUp(t);
    const [socket] = await open();
    const text = heard(socket);
    const body = 'y'.repeat(3_000_000);
    socket.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}${GET}`);
    await eventually('it is read', () => bodies.length > 0);
    await eventually('both are answered', () => {
      answerAll();
      return answersIn(text()) === 2;
    });
    assert.deepEqual(bodies, [body, '']);
  });

  it('cannot hide where its requests end', async (t) => {
    for (const end of ['\n\n', '\r\n\n', '\n\r\n']) {
      const { open, waiting } = await setUp(t);
      const [socket, far] = await open();
      const requests = `GET / HTTP/1.1\r\nhost: a${end}`.repeat(500);
      socket.write(requests);
      socket.resume();
      await eventually('it has come', () => far.bytesRead === requests.length || far.destroyed);
      assert.ok(waiting.length <= 2, `${waiting.length} requests at once`);
    }
  });
});

describe('one address', { timeout: 60_000 }, () => {
  it('has only so many connections read at once, and keeps no connection of another address waiting', async (t) => {
    const { open, waiting } = await setUp(t, 100, 2);
    const flood = await Promise.all(Array.from({ length: 5 }, () => open('127.0.0.2')));
    for (const [socket] of flood) socket.resume().write(BEGUN);
    await eventually('two are worked on', () => waiting.length === 2);
    const [other] = await open('127.0.0.1');
    other.resume().write(GET);
    // The request of the other address was sent last.
    await eventually('the other too', () =>
      waiting.some(({ socket }) => socket?.remotePort === other.localPort),
    );
    for (const [index, [socket]] of flood.entries()) {
      assert.equal(waiting.length, Math.min(3 + index, 6));
      socket.write('x');
      await eventually('the next is worked on', () => waiting.length === Math.min(4 + index, 6));
    }
  });

  it('has no connection kept waiting by reviews that are held', async (t) => {
    const { open, waiting, answerAll } = await setUp(t, 100, 2);
    const all = await Promise.all(Array.from({ length: 9 }, () => open('127.0.0.2')));
    const texts = all.map(([socket]) => heard(socket));
    for (const [socket] of all) socket.write(GET);
    await eventually('all are under way', () => waiting.length === 9);
    answerAll();
    await eventually('all are answered', () => texts.every((text) => answersIn(text()) === 1));
  });

  it('has a connection wait its turn again after an answer, and the next request loses nothing', async (t) => {
    const { open, waiting, bodies, answerAll } = await setUp(t, 100, 1);
    const [[first], [second]] = [await open('127.0.0.2'), await open('127.0.0.2')];
    const text = heard(first);
    first.write(GET);
    await eventually('the first is answered', () => {
      answerAll();
      return answersIn(text()) === 1;
    });
    second.resume().write(BEGUN);
    await eventually('the second is worked on', () => waiting.length === 1);
    const body = 'y'.repeat(1_000);
    first.write('POST / HTTP/1.1\r\nhost: a\r\n');
    const [third] = await open('127.0.0.1');
    third.resume().write(GET);
    await eventually('another address is worked on', () => waiting.length === 2);
    first.write(`content-length: ${body.length}\r\n\r\n${body}`);
    third.write(GET);
    await eventually('and again', () => waiting.length === 3);
    second.write('x');
    await eventually('the first is read', () => bodies.includes(body));
    answerAll();
    await eventually('it is answered', () => answersIn(text()) === 2);
  });

  for (const [what, said] of [
    ['asks for what Node refuses', GET.replace('\r\n\r\n', '\r\nexpect: more\r\n\r\n')],
    ['sends empty lines', '\r\n'],
  ] as const) {
    it(`has no turn kept by a connection that ${what}`, async (t) => {
      const { open, waiting } = await setUp(t, 100, 1);
      const [[idle], [other]] = [await open(), await open()];
      const [, far] = await open();
      const text = heard(idle);
      idle.write(said);
      if (said !== '\r\n') await eventually('it is refused', () => text().includes(' 417 '));
      other.resume().write(GET);
      await eventually('the other is worked on', () => waiting.length === 1);
      assert.deepEqual([idle.closed, far.closed], [false, false]);
    });
  }

  it('gets the turn of a connection back when its body has come, even if the answer was sent before', async (t) => {
    const { open, waiting, answerAll } = await setUp(t, 100, 1);
    const [[early], [other]] = [await open(), await open()];
    const text = heard(early);
    early.write(BEGUN);
    await eventually('it is answered', () => {
      answerAll();
      return answersIn(text()) === 1;
    });
    early.write('x');
    other.resume().write(GET);
    await eventually('the other is worked on', () => waiting.length === 1);
    assert.equal(early.closed, false);
  });

  it('gets the turn of a connection back when the connection closes, also if the connection was still waiting', async (t) => {
    const { open, waiting } = await setUp(t, 100, 1);
    const [silent, gone, last] = [await open(), await open(), await open()];
    for (const [socket] of [gone, last]) socket.resume().write(GET);
    gone[0].destroy();
    silent[0].destroy();
    const { localPort } = last[0];
    await eventually('the last is worked on', () =>
      waiting.some(({ socket }) => socket?.remotePort === localPort),
    );
  });
});

describe('at the limit on connections', { timeout: 60_000 }, () => {
  it('a new connection is accepted, and the oldest connection of the address with the most is closed', async (t) => {
    const { open, answerAll, timesFull } = await setUp(t, 4);
    const [kept] = await open('127.0.0.1');
    const [oldest, second] = [await open('127.0.0.2'), await open('127.0.0.2')];
    await open('127.0.0.2');
    assert.equal(timesFull(), 0);
    const gone = once(oldest[0].resume(), 'close');
    const [newcomer] = await open('127.0.0.1');
    await gone;
    assert.equal(timesFull(), 1);
    for (const socket of [kept, newcomer, second[0]]) {
      const text = heard(socket);
      socket.write(GET);
      await eventually('it is answered', () => {
        answerAll();
        return answersIn(text()) === 1;
      });
    }
  });

  it('the address with the most connections gets no other, and its earlier connections are answered', async (t) => {
    const { open, answerAll, waiting, timesFull } = await setUp(t, 4);
    const [prober] = await open('127.0.0.1');
    const before = [await open('127.0.0.2'), await open('127.0.0.2'), await open('127.0.0.2')];
    for (let count = 0; count < 50; count += 1) (await open('127.0.0.2'))[0].resume().write(GET);
    await eventually('each was told of', () => timesFull() === 50);
    for (const socket of [prober, ...before.map(([each]) => each)]) {
      const text = heard(socket);
      socket.write(GET);
      await eventually('it waits', () => waiting.length === 1);
      answerAll();
      await eventually('it is answered', () => answersIn(text()) === 1);
    }
  });

  it('an API server that waits for answers loses no connection to many addresses with a few each, and gets another connection', async (t) => {
    const { open, answerAll, waiting } = await setUp(t, 40, 7);
    const reviews = await Promise.all(Array.from({ length: 6 }, () => open('127.0.0.1')));
    const texts = reviews.map(([socket]) => heard(socket));
    for (const [socket] of reviews) socket.write(GET);
    await eventually('all are under way', () => waiting.length === 6);
    for (let address = 2; address < 12; address += 1)
      for (let count = 0; count < 4; count += 1) (await open(`127.0.0.${address}`))[0].resume();
    const [next] = await open('127.0.0.1');
    const text = heard(next);
    next.write(GET);
    await eventually('the next is under way', () => waiting.length === 7);
    answerAll();
    await eventually('all are answered', () => [...texts, text].every((each) => answersIn(each()) === 1));
  });

  it('an address that sends requests on all its connections closes no new connection of an API server', async (t) => {
    const { open, answerAll, waiting } = await setUp(t, 6, 2);
    const flood = await Promise.all(Array.from({ length: 5 }, () => open('127.0.0.2')));
    for (const [socket] of flood) socket.resume().write(GET);
    await eventually('all wait', () => waiting.length === 5);
    const [review, far] = await open('127.0.0.1');
    const text = heard(review);
    for (let count = 0; count < 10; count += 1) (await open('127.0.0.2'))[0].resume();
    assert.equal(far.destroyed, false);
    review.write(GET);
    await eventually('it is answered', () => {
      answerAll();
      return answersIn(text()) === 1;
    });
  });

  it('a connection that sends its body slowly is no better protected than a connection without a request', async (t) => {
    const { open, answerAll } = await setUp(t, 6, 2);
    const review = await open('127.0.0.1');
    const slow = await Promise.all(Array.from({ length: 5 }, () => open('127.0.0.2')));
    for (const [socket] of slow) {
      socket.resume().write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nx');
    }
    const gone = once(slow[0]?.[0] ?? review[0], 'close');
    await open('127.0.0.1');
    await gone;
    const text = heard(review[0]);
    review[0].write(GET);
    await eventually('it is answered', () => {
      answerAll();
      return answersIn(text()) === 1;
    });
  });

  it('a connection that was closed makes room for the next', async (t) => {
    const { open, timesFull } = await setUp(t, 2);
    for (let count = 0; count < 10; count += 1) {
      const [socket, far] = await open();
      socket.resume().end();
      await eventually('it is gone', () => far.destroyed);
    }
    assert.equal(timesFull(), 0);
  });
});
