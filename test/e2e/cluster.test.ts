/** The promises of the test cluster itself, on which the other tests rely. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, suite, test } from 'node:test';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { StatefulSets, StellarNodes } from '../../runtime/kube/resources.ts';
import { bootCluster, type Cluster } from '../cluster/boot.ts';
import { startFront } from '../cluster/front.ts';
import { type OperatorOptions, startOperator } from '../cluster/operator.ts';
import { PodWatcher } from '../cluster/pods.ts';
import { startReplica } from '../cluster/replica.ts';
import { until } from '../cluster/until.ts';

const NAMESPACE = 'stellar';

interface PodStatus {
  readonly phase: string;
  readonly podIP: string;
  readonly startTime: string;
  readonly conditions: Array<{ type: string; status: string; lastTransitionTime: string }>;
  readonly containerStatuses: Array<{ name: string; ready: boolean }>;
}

const statusOf = (pod: KubeObject | undefined) => (pod?.status ?? {}) as PodStatus;
const condition = (pod: KubeObject | undefined, type: string) =>
  statusOf(pod).conditions?.find((entry) => entry.type === type);

function processesOf(cluster: Cluster): Promise<string> {
  const child = spawn('ps', ['-eo', 'pid,args'], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  return new Promise((resolve) => {
    child.on('close', () =>
      resolve(
        text
          .split('\n')
          .filter((line) => line.includes(cluster.dir))
          .join('\n'),
      ),
    );
  });
}

suite('test cluster', () => {
  let cluster: Cluster;
  let operator: ReturnType<typeof startOperator>;
  let pods: PodWatcher;

  const apply = async (name: string, spec: object = {}, annotations: Record<string, string> = {}) => {
    await cluster.admin.apply(
      { resource: StellarNodes, namespace: NAMESPACE, name },
      { metadata: { name, annotations }, spec: { nodeType: 'Validator', network: 'testnet', ...spec } },
      { manager: 'test', force: true },
    );
  };
  const podOf = (name: string) => `${NAMESPACE}/${name}-0`;
  const ready = (name: string) =>
    pods.until(`${name} is Ready`, (watcher) => watcher.isReady(podOf(name)), 30_000);
  const restartOperator = async (options: OperatorOptions) => {
    await operator.stop();
    operator = startOperator(cluster.admin, options);
  };

  before(async () => {
    const startedAtMs = performance.now();
    cluster = await bootCluster();
    process.stdout.write(`booted in ${((performance.now() - startedAtMs) / 1000).toFixed(1)} s\n`);
    await cluster.createNamespace(NAMESPACE);
    operator = startOperator(cluster.admin);
    pods = new PodWatcher(cluster.admin);
  });

  after(async () => {
    await pods?.stop();
    await operator?.stop();
    await cluster?.stop();
  });

  test('a StellarNode becomes a Ready pod with an address and the labels that are watched', async () => {
    await apply('plain');
    await ready('plain');
    const pod = pods.pods.get(podOf('plain'));
    assert.equal(pod?.metadata.labels?.['stellar.org/node-type'], 'Validator');
    assert.equal(pod?.metadata.labels?.['stellar-network'], 'testnet');
    assert.equal(pod?.metadata.labels?.['app.kubernetes.io/component'], 'validator');
    const status = statusOf(pod);
    assert.match(status.podIP, /^127(\.\d{1,3}){3}$/);
    assert.equal(status.phase, 'Running');
    assert.deepEqual(
      status.containerStatuses.map(({ name, ready: isReady }) => [name, isReady]),
      [
        ['stellar-node', true],
        ['stellar-health-check', true],
      ],
    );
    assert.equal(condition(pod, 'PodScheduled')?.status, 'True');
    const createdAtMs = Date.parse(pod?.metadata.creationTimestamp ?? '');
    for (const at of [status.startTime, condition(pod, 'Ready')?.lastTransitionTime ?? '']) {
      assert.ok(Date.parse(at) >= createdAtMs && Date.parse(at) <= Date.now(), at);
    }
    const set = await cluster.admin.get({
      resource: StatefulSets,
      namespace: NAMESPACE,
      name: 'plain',
    });
    assert.ok(set);
    assert.equal((set.spec as { serviceName: string }).serviceName, 'plain-headless');
    assert.equal(set.metadata.ownerReferences?.[0]?.kind, 'StellarNode');
  });

  test('the noise changes labels and status again and again, and restarts no validator', async () => {
    await restartOperator({ noise: { nodeStatusMs: 100, statefulSetMs: 300 } });
    await apply('noisy');
    await ready('noisy');
    const labelled = async () =>
      (await cluster.admin.get({ resource: StatefulSets, namespace: NAMESPACE, name: 'noisy' }))?.metadata
        .labels?.['stellar.org/node-type'] !== undefined;
    await until('the label is off', async () => !(await labelled()));
    await until('the label is on', labelled);
    const phase = async () =>
      ((await cluster.admin.get({ resource: StellarNodes, namespace: NAMESPACE, name: 'noisy' }))?.status as {
        message?: string;
      }) ?? {};
    const { message } = await phase();
    await until('the status has changed', async () => (await phase()).message !== message);
    assert.equal(pods.lives(podOf('noisy')).length, 1);
    await restartOperator({});
  });

  test('a replica that ends at once is reported with its log', async () => {
    const replica = await startReplica(cluster, {
      name: 'broken',
      program: ['-e', 'throw new Error("no such setting")'],
      serviceAccount: { namespace: NAMESPACE, name: 'default' },
    });
    await assert.rejects(replica.ready(), /no such setting/);
  });

  test('two clusters stand side by side, and one that is stopped leaves no process behind', async () => {
    const other = await bootCluster({ nodes: 1 });
    assert.notEqual(other.server, cluster.server);
    assert.equal((await other.admin.list(StellarNodes)).items.length, 0);
    assert.match(await processesOf(other), /kube-apiserver/);
    await other.stop();
    assert.equal(await processesOf(other), '');
    assert.equal(existsSync(join(other.dir, 'data')), false);
    assert.ok((await cluster.admin.list(StellarNodes)).items.length > 0);
  });

  test('nothing outlives a process that was killed', async (t) => {
    const program = `
      import { Keeper } from ${JSON.stringify(join(import.meta.dirname, '../cluster/keeper.ts'))};
      const keeper = new Keeper(${JSON.stringify(join(cluster.dir, 'orphan'))}, ${JSON.stringify(join(cluster.dir, 'orphan-logs'))});
      console.log(keeper.start('sleeper', 'sleep', ['1000']).pid);
      setInterval(() => {}, 1000);
    `;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: parent.stdout });
    const pid = Number((await lines[Symbol.asyncIterator]().next()).value);
    t.after(() => existsSync(`/proc/${pid}`) && process.kill(pid, 'SIGKILL'));
    assert.equal(existsSync(`/proc/${pid}`), true);
    parent.kill('SIGKILL');
    await until('its child is gone', () => !existsSync(`/proc/${pid}`));
    await until('its data is gone', () => !existsSync(join(cluster.dir, 'orphan')));
  });
});

suite('front', () => {
  const listen = async (name: string) => {
    const server = createServer((socket) => socket.end(name));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    return { server, port: typeof address === 'object' && address ? address.port : 0 };
  };
  const ask = async (port: number): Promise<string> => {
    const socket = connect(port, '127.0.0.1');
    const chunks: string[] = [];
    for await (const chunk of socket.setEncoding('utf8')) chunks.push(String(chunk));
    return chunks.join('');
  };

  test('connections go to the backends in turn, past one that is dead', async (t) => {
    const [one, two] = [await listen('one'), await listen('two')];
    const front = await startFront([one.port, two.port]);
    t.after(async () => {
      one.server.close();
      two.server.close();
      await front.stop();
    });
    const answers = [await ask(front.port), await ask(front.port)];
    assert.deepEqual(answers.sort(), ['one', 'two']);
    one.server.close();
    assert.deepEqual([await ask(front.port), await ask(front.port)], ['two', 'two']);
    front.setBackends([]);
    assert.equal(await ask(front.port), '');
  });
});
