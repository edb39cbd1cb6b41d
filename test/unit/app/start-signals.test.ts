/** A replica that gets a signal to stop while it starts. Each runs as a process, because signals go to a process. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { after, describe, it } from 'node:test';

const MAIN = join(import.meta.dirname, '../../../main.ts');
const folder = mkdtempSync(join(tmpdir(), 'start-signals-'));
after(() => rmSync(folder, { recursive: true }));

const KUBECONFIG = join(folder, 'kubeconfig');
const cluster = { server: 'https://127.0.0.1:9' };
writeFileSync(
  KUBECONFIG,
  JSON.stringify({
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'x' },
    clusters: [{ name: 'x', cluster }],
    users: [{ name: 'x', user: { token: 'x' } }],
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
  }),
);

/** Runs a replica, and signals it as soon as it listens to the signal. The replica reports its listeners when a port opens. */
async function signalled(signal: NodeJS.Signals) {
  const preload = `import { Server } from 'node:net';
    let isSent = false;
    process.on('newListener', (name) => {
      if (name !== '${signal}' || isSent) return;
      isSent = true;
      process.nextTick(() => process.kill(process.pid, name));
    });
    const { listen } = Server.prototype;
    Server.prototype.listen = function (...args) {
      process.stderr.write('listeners at a port: ' + process.listenerCount('${signal}') + '\\n');
      return listen.apply(this, args);
    };`;
  const child = spawn(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(preload)}`, MAIN, 'run'],
    {
      env: {
        ...process.env,
        ...{
          KUBECONFIG,
          POD_NAME: 'a',
          POD_NAMESPACE: 'stellar-peers',
          HTTP_PORT: '0',
          DRAIN_SECONDS: '0',
          STATUS_PAGE_PORT: '0',
          WEBHOOK_PORT: '0',
        },
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const ended = await new Promise((resolve) => child.once('close', (code, by) => resolve({ code, by })));
  return { ended, output };
}

describe('SIGTERM and SIGINT while a replica starts', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`${signal} is handled before any port opens, and ends the replica cleanly`, async () => {
      const { ended, output } = await signalled(signal);
      assert.deepEqual(ended, { code: 0, by: null }, output.slice(0, 2_000));
      assert.doesNotMatch(output, /^listeners at a port: 0$/m);
    });
  }
});
