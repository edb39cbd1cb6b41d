/**
 * What our server is measured against, as a process: node:https and nothing else. It answers each request with the same
 * bytes, which are those that we answer; `parse` reads the body as JSON before, `constant` only reads it, and `fastify`
 * does what `parse` does behind one route of Fastify's.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';

const [kind = 'parse', certPath = '', keyPath = '', answerPath = ''] = process.argv.slice(2);
const answer = readFileSync(answerPath);
const headers = { 'content-type': 'application/json; charset=utf-8', 'content-length': answer.length };

const https = { cert: readFileSync(certPath), key: readFileSync(keyPath), minVersion: 'TLSv1.2' } as const;
const statusOf = ({ request }: { request?: unknown }): number => (request === undefined ? 400 : 200);

const bareServer = (): Server =>
  createServer(https, (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = kind === 'parse' ? JSON.parse(Buffer.concat(chunks).toString()) : { request: {} };
      outgoing.writeHead(statusOf(body), headers);
      outgoing.end(answer);
    });
  });

async function fastifyServer(): Promise<Server> {
  const app = fastify({ https });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) =>
    done(null, body),
  );
  app.post<{ Body: string }>('/mutate-pods', ({ body }, reply) => {
    const status = statusOf(JSON.parse(body));
    reply.hijack();
    reply.raw.writeHead(status, headers);
    reply.raw.end(answer);
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  return app.server;
}

const server = kind === 'fastify' ? await fastifyServer() : bareServer().listen(0, '127.0.0.1');
if (!server.listening) await once(server, 'listening');
process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
