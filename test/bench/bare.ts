/**
 * The yardstick for our server: a process with node:https alone. It parses each body as JSON, and always answers with the
 * same bytes, which are an answer of our server.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';

const [certPath = '', keyPath = '', answerPath = ''] = process.argv.slice(2);
const answer = readFileSync(answerPath);
const headers = { 'content-type': 'application/json; charset=utf-8', 'content-length': answer.length };
const https = { cert: readFileSync(certPath), key: readFileSync(keyPath), minVersion: 'TLSv1.2' } as const;

const server = createServer(https, (incoming, outgoing) => {
  const chunks: Buffer[] = [];
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  incoming.on('end', () => {
    const { request } = JSON.parse(Buffer.concat(chunks).toString()) as { request?: unknown };
    outgoing.writeHead(request === undefined ? 400 : 200, headers);
    outgoing.end(answer);
  });
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
