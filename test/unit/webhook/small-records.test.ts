/** Many requests at once on one TLS connection, in records of a few requests each. A plain connection cannot show this case. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { listening } from './served.ts';

/** A TLS client. `hold` keeps its records back, and `release` sends all of them in one piece. */
function holdingClient(raw: Socket) {
  let held: Buffer[] | undefined;
  const pipe = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      if (held) held.push(chunk);
      else raw.write(chunk);
      done();
    },
  });
  raw.on('data', (chunk) => pipe.push(chunk));
  raw.on('close', () => pipe.push(null));
  const socket = connect({ socket: pipe, rejectUnauthorized: false });
  socket.on('error', () => undefined);
  return {
    socket,
    hold: () => {
      held = [];
    },
    release: () => raw.write(Buffer.concat(held ?? [])),
  };
}

async function writeRecords(socket: TLSSocket, text: string, count: number): Promise<void> {
  for (let record = 0; record < count; record += 1) {
    await new Promise((done) => socket.write(text, done));
  }
}

it('one connection has few requests under way at once, whatever the sizes of its records', async (t) => {
  const { server } = await listening();
  t.after(() => server.app.close());
  const http = server.app.server;
  let requests = 0;
  http.on('request', () => {
    requests += 1;
  });
  const raw = connectTcp({ host: '127.0.0.1', port: (http.address() as AddressInfo).port });
  t.after(() => raw.destroy());
  await once(raw, 'connect');
  const client = holdingClient(raw);
  await once(client.socket, 'secureConnect');
  client.hold();
  await writeRecords(client.socket, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n', 1_920);
  client.release();
  await once(http, 'request');
  for (let turn = 0; turn < 100; turn += 1) await nextTurn();
  assert.ok(requests > 0 && requests <= 4, `${requests} of 1,920 requests were taken`);
});
