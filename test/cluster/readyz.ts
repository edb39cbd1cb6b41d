/** Asks an API server whether it is ready. */
import { request } from 'node:https';

/** True if the API server is ready; false or an error otherwise. `ca` is the CA of its certificate. */
export function isReady(port: number, ca: string): Promise<boolean> {
  const options = { host: '127.0.0.1', port, path: '/readyz', ca, timeout: 2000, agent: false };
  return new Promise((resolve, reject) => {
    const probe = request(options, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    probe.on('timeout', () => probe.destroy(new Error('no answer within 2 s')));
    probe.on('error', reject);
    probe.end();
  });
}
