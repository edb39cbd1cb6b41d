/**
/**
 * The yardstick for our server: a process with node:https alone. It parses each body as JSON, and always answers with the
 * same bytes, which are an answer of our server. With the argument `encode` it encodes that answer anew for each request.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';

const [certPath = '', keyPath = '', answerPath = '', mode = ''] = process.argv.slice(2);
const constant = readFileSync(answerPath);
const review = JSON.parse(constant.toString());
const operations = JSON.parse(Buffer.from(review.response.patch, 'base64').toString());
const headers = { 'content-type': 'application/json; charset=utf-8', 'content-length': constant.length };
const https = { cert: readFileSync(certPath), key: readFileSync(keyPath), minVersion: 'TLSv1.2' } as const;

function encoded(): Buffer {
  const patch = Buffer.from(JSON.stringify(operations)).toString('base64');
  return Buffer.from(JSON.stringify({ ...review, response: { ...review.response, patch } }));
}

const answer = mode === 'encode' ? encoded : () => constant;

const server = createServer(https, (incoming, outgoing) => {
  const chunks: Buffer[] = [];
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  incoming.on('end', () => {
    const { request } = JSON.parse(Buffer.concat(chunks).toString()) as { request?: unknown };
    outgoing.writeHead(request === undefined ? 400 : 200, headers);
    outgoing.end(answer());
  });
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
