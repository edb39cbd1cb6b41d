/**
 * SIGTERM to the image's first process at different moments of its start. A machine with containerd is enough, because the
 * replica only waits for an API server that never answers.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { writeKubeconfig } from '../cluster/config-files.ts';
import { createPki } from '../cluster/pki.ts';
import { until } from '../cluster/until.ts';
import { ENV } from './commands.ts';
import { OWN } from './images.ts';
import type { Machine } from './machine.ts';
import { bootMachine, cgroupName } from './place.ts';

/** The times of SIGTERM after the first port is open. Before, while Node itself starts, nothing could handle a signal. */
const MOMENTS_MS = [0, 10, 30, 100, 300, 1_000];
const HTTP_PORT_HEX = (8080).toString(16).toUpperCase();
/** The longest time until the end; a kubelet kills after 30 s. */
const END_MS_MAX = 5_000;

const CA = createPki().caPem;

let machine: Machine;
let dir: string;
let stop: () => Promise<void>;
before(async () => {
  ({ machine, dir, stop } = await bootMachine());
  writeKubeconfig(join(dir, 'kubeconfig'), { server: 'https://127.0.0.1:9', caPem: CA, token: 'x' });
  // The user of the container must be able to read the file.
  chmodSync(join(dir, 'kubeconfig'), 0o644);
});
after(() => stop?.());

/** Runs a replica in a container. `pid` is the process ID of its first process on the machine; `ended` has its exit code. */
function replica(id: string) {
  const env = { KUBECONFIG: '/kubeconfig', POD_NAME: id, POD_NAMESPACE: 'stellar-peers', DRAIN_SECONDS: '0' };
  const words = [
    ...['run', '--rm', '--net-host', '--cgroup', `${cgroupName()}/${id}`, '--mount'],
    `type=bind,src=${join(dir, 'kubeconfig')},dst=/kubeconfig,options=rbind:ro`,
    ...Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ...[OWN, id],
  ];
  const [command = '', ...args] = machine.ctrWords(...words);
  const child = spawn(command, args, { env: ENV, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = new Promise<{ code: number | null; said: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, said })),
  );
  const task = machine.path(`run/containerd/io.containerd.runtime.v2.task/k8s.io/${id}/init.pid`);
  const pid = until(`${id} has a process`, () => Number(readFileSync(task, 'utf8')), { everyMs: 2 });
  return { pid, ended };
}

/** True once the port is open in the network namespace of the process. */
const isOpen = (pid: number): boolean =>
  readFileSync(`/proc/${pid}/net/tcp6`, 'utf8').includes(`:${HTTP_PORT_HEX} `) ||
  readFileSync(`/proc/${pid}/net/tcp`, 'utf8').includes(`:${HTTP_PORT_HEX} `);

/** Sends SIGTERM `moment` ms after the port is open. Resolves to the exit code; undefined if the replica did not end. */
async function toldAfter(moment: number) {
  const { pid: starting, ended } = replica(`at-${moment}`);
  const pid = await starting;
  await until('the port of the replica is open', () => isOpen(pid), { everyMs: 2 });
  await delay(moment);
  const sentAtMs = performance.now();
  process.kill(pid, 'SIGTERM');
  const late = delay(END_MS_MAX, undefined, { ref: false }).then(() => undefined);
  const end = await Promise.race([ended, late]);
  if (end === undefined) process.kill(pid, 'SIGKILL');
  const { said } = await ended;
  return { code: end?.code, said, tookMs: Math.round(performance.now() - sentAtMs) };
}

describe('a replica that is told to stop while it starts', () => {
  it('exits with 0 at any moment after its first port is open', async (t) => {
    for (const moment of MOMENTS_MS) {
      const { code, said, tookMs } = await toldAfter(moment);
      t.diagnostic(`SIGTERM ${moment} ms later: exit code ${code} after ${tookMs} ms`);
      assert.equal(code, 0, `SIGTERM after ${moment} ms: ${said}`);
    }
  });
});
