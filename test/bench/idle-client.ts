/**
 * For memory.ts: a client that reads a watch of all StellarNodes and does nothing with it, to measure the least cost. Prints
 * the port on which it answers probes, and then the name of each newcomer as soon as it appears.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { loadKubeConfig } from '../../runtime/kube/kubeconfig.ts';
import { openRequest } from '../../runtime/kube/request.ts';
import { collectionPath, StellarNodes } from '../../runtime/kube/resources.ts';

const NAME = /"name":"(newcomer-\d+)","namespace"/g;
/** A name may come in two pieces. */
const OVERLAP = 200;

const config = loadKubeConfig({ path: process.argv[2] ?? '' });
const never = new AbortController().signal;
const path = `${collectionPath(StellarNodes)}?watch=true&resourceVersion=0&timeoutSeconds=3600`;
const incoming = await openRequest(
  config,
  { method: 'GET', path },
  { userAgent: 'idle', begin: () => never, stream: true },
);
const seen = new Set<string>();
let before = '';
incoming.on('data', (chunk: Buffer) => {
  const text = before + chunk.toString('latin1');
  before = text.slice(-OVERLAP);
  for (const [, name = ''] of text.matchAll(NAME)) {
    if (!seen.has(name)) process.send?.(name);
    seen.add(name);
  }
});
const server = createServer((_, response) => response.end('ok\n')).listen(0, '127.0.0.1', () => {
  process.send?.((server.address() as AddressInfo).port);
});
