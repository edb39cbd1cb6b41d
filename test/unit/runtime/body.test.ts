/** No answer can fill the memory: shown over real connections. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { readBody } from '../../../runtime/kube/body.ts';
import { eventually } from '../stand-ins/eventually.ts';

async function answerOf(t: TestContext, answer: (reply: ServerResponse) => void): Promise<IncomingMessage> {
  const server = createServer((_request, reply) => answer(reply));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close().closeAllConnections());
  const [incoming] = await once(
    get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' }),
    'response',
  );
  return incoming as IncomingMessage;
}

describe('a body', { timeout: 60_000 }, () => {
  it('of exactly the allowed size is read, and one more byte is refused', async (t) => {
    assert.equal(
      await readBody(await answerOf(t, (reply) => reply.end('é'.repeat(50))), 100),
      'é'.repeat(50),
    );
    await assert.rejects(
      readBody(await answerOf(t, (reply) => reply.end('x'.repeat(101))), 100),
      /more than 100 bytes/,
    );
  });

  it('that never ends is refused, and its connection closed', async (t) => {
    let far: ServerResponse | undefined;
    const incoming = await answerOf(t, (reply) => {
      far = reply;
      const more = (): void => {
        while (!reply.destroyed && reply.write('x'.repeat(10_000)));
      };
      reply.on('drain', more);
      more();
    });
    await assert.rejects(readBody(incoming, 1_000_000), /more than 1000000 bytes/);
    await eventually('it is closed', () => far?.destroyed === true);
  });

  it('that ends early is refused', async (t) => {
    const incoming = await answerOf(t, (reply) => {
      reply.writeHead(200, { 'content-length': 100 });
      reply.write('x', () => reply.destroy());
    });
    await assert.rejects(readBody(incoming, 100));
  });
});
