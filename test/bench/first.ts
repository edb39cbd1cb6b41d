/** Sends one request on a new connection, as the first review after a start is sent. */
import { readFileSync } from 'node:fs';
import { request } from 'node:https';

export interface Asked {
  readonly text: string;
  /** From the first byte of the TLS handshake to the last of the answer. */
  readonly tookMs: number;
}

export function askOnce(url: string, bodyPath: string): Promise<Asked> {
  const body = readFileSync(bodyPath);
  const headers = { 'content-type': 'application/json', 'content-length': body.length };
  const startedAtMs = performance.now();
  return new Promise((resolve, reject) => {
    // The certificate of the server does not matter here.
    const options = { method: 'POST', headers, agent: false, rejectUnauthorized: false } as const;
    const outgoing = request(url, options, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk: string) => {
        text += chunk;
      });
      incoming.on('error', reject);
      incoming.on('end', () => resolve({ text, tookMs: performance.now() - startedAtMs }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
