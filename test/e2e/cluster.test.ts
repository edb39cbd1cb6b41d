/** What the other tests may rely on: the promises of the test cluster itself. */
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
import { READY_HINT } from '../cluster/stages.ts';
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

  test('a deleted pod comes back with another UID and another address', async () => {
    await apply('moving');
    await ready('moving');
    const before_ = statusOf(pods.pods.get(podOf('moving'))).podIP;
    await cluster.kubectl(['delete', 'pod', '-n', NAMESPACE, 'moving-0', '--wait=false']);
    await pods.until('it is back', (watcher) => watcher.restarts()[podOf('moving')] === 1);
    await ready('moving');
    assert.notEqual(statusOf(pods.pods.get(podOf('moving'))).podIP, before_);
    const changes = pods.timeline.filter(({ pod }) => pod === podOf('moving')).map(({ change }) => change);
    assert.deepEqual(changes, ['created', 'ready', 'terminating', 'deleted', 'created', 'ready']);
    assert.deepEqual(
      pods.maxDown((pod) => (pod === podOf('moving') ? 'moving' : undefined)),
      {
        moving: 1,
      },
    );
  });

  test('a changed template rolls a StatefulSet of three one pod at a time', async () => {
    await apply('rolled', { replicas: 3 });
    const names = [0, 1, 2].map((ordinal) => `${NAMESPACE}/rolled-${ordinal}`);
    const allReady = (watcher: PodWatcher) => names.every((name) => watcher.isReady(name));
    await pods.until('all three are Ready', allReady);
    await apply('rolled', { replicas: 3, version: 'v22.0.0' });
    const once = (watcher: PodWatcher) => names.every((name) => watcher.restarts()[name] === 1);
    await pods.until('each was replaced once', (watcher) => once(watcher) && allReady(watcher));
    assert.equal(pods.maxDown((pod) => (pod.includes('/rolled-') ? 'rolled' : undefined)).rolled, 1);
  });

  test('a suspended StellarNode has no pod, and gets it back', async () => {
    await apply('pausing');
    await ready('pausing');
    await apply('pausing', { suspended: true });
    await pods.until('its pod is gone', (watcher) => !watcher.pods.has(podOf('pausing')));
    await apply('pausing', { suspended: false });
    await ready('pausing');
  });

  test('a pod that never becomes Ready runs and has an address', async () => {
    await apply('stuck', {}, { [READY_HINT]: 'never' });
    await pods.until('it runs', ({ pods: all }) => statusOf(all.get(podOf('stuck'))).phase === 'Running');
    const pod = pods.pods.get(podOf('stuck'));
    assert.notEqual(statusOf(pod).podIP, '');
    assert.equal(condition(pod, 'Ready')?.status, 'False');
    assert.equal(condition(pod, 'PodScheduled')?.status, 'True');
  });

  test('a pod becomes Ready after the delay it asks for', async () => {
    await apply('slow', {}, { [READY_HINT]: '3s' });
    await ready('slow');
    const [life] = pods.lives(podOf('slow'));
    const tookMs = (life?.readyAtMs ?? 0) - (life?.createdAtMs ?? 0);
    assert.ok(tookMs >= 2900, `Ready after ${tookMs} ms`);
  });

  test('a pod loses readiness and regains it, without being replaced', async () => {
    await apply('wavering');
    await ready('wavering');
    const annotate = (hint: string) =>
      cluster.kubectl(['annotate', 'pod', '-n', NAMESPACE, 'wavering-0', hint]);
    await annotate(`${READY_HINT}=lost`);
    await pods.until('it is not Ready', (watcher) => !watcher.isReady(podOf('wavering')));
    await annotate(`${READY_HINT}-`);
    await ready('wavering');
    assert.equal(pods.lives(podOf('wavering')).length, 1);
  });

  test('a frozen component does nothing until it is thawed', async () => {
    cluster.signal('kube-scheduler', 'SIGSTOP');
    await apply('waiting');
    await pods.until('it has a pod', (watcher) => watcher.pods.has(podOf('waiting')));
    assert.equal(condition(pods.pods.get(podOf('waiting')), 'PodScheduled'), undefined);
    cluster.signal('kube-scheduler', 'SIGCONT');
    await ready('waiting');
  });

  test('deleting a StellarNode takes its StatefulSet and pod away', async () => {
    await apply('leaving');
    await ready('leaving');
    await cluster.kubectl(['delete', 'stellarnode', '-n', NAMESPACE, 'leaving']);
    await pods.until('its pod is gone', (watcher) => !watcher.pods.has(podOf('leaving')));
  });

  test('both generations of the definition, and ports of any type, are accepted', async () => {
    await apply('older', {
      network: { Custom: 'a network of our own' },
      suspended: true,
      validatorConfig: { peerPort: 'abc' },
    });
    await apply('newer', {
      network: 'custom',
      customNetworkPassphrase: 'a network of our own',
      suspended: true,
      validatorConfig: { peerPort: 70000 },
    });
    const read = async (name: string) =>
      (await cluster.admin.get({ resource: StellarNodes, namespace: NAMESPACE, name }))?.spec as {
        network: unknown;
        validatorConfig: object;
      };
    assert.deepEqual((await read('older')).network, { Custom: 'a network of our own' });
    assert.deepEqual((await read('older')).validatorConfig, { peerPort: 'abc' });
    assert.deepEqual((await read('newer')).validatorConfig, { peerPort: 70000 });
  });

  test('a StellarNode that serves Horizon gets pods that are no validators', async () => {
    await apply('horizon', { nodeType: 'Horizon' });
    const find = () => [...pods.pods.values()].find((pod) => pod.metadata.name.startsWith('horizon-'));
    await pods.until('it has a pod', () => find() !== undefined);
    assert.equal(find()?.metadata.labels?.['stellar.org/node-type'], 'Horizon');
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

  test('an operator in maintenance keeps its hands off', async () => {
    await apply('tended');
    await ready('tended');
    await apply('tended', { maintenanceMode: true, suspended: true });
    await apply('after-tended');
    await ready('after-tended');
    assert.ok(pods.isReady(podOf('tended')));
  });

  test('a ServiceAccount has its own rights only, and what it does is in the audit log', async () => {
    await cluster.kubectl(['create', 'serviceaccount', 'stranger', '-n', NAMESPACE]);
    const path = await cluster.serviceAccountKubeconfig(NAMESPACE, 'stranger');
    await assert.rejects(cluster.kubectl([`--kubeconfig=${path}`, 'get', 'secrets']), /forbidden/);
    // It is written once the answer is on its way.
    const entry = await until('it is in the log', async () =>
      (await cluster.audit()).find(({ user }) => user.endsWith(':stranger')),
    );
    assert.equal(entry?.user, `system:serviceaccount:${NAMESPACE}:stranger`);
    assert.deepEqual(
      [entry?.verb, entry?.resource, entry?.namespace, entry?.code, entry?.stage],
      ['list', 'secrets', NAMESPACE, 403, 'ResponseComplete'],
    );
  });

  test('a replica runs with its ServiceAccount, is waited for, and ends with its signal', async () => {
    const program = `
      require('node:http').createServer((_, answer) => answer.end(process.env.POD_NAME))
        .listen(process.env.HTTP_PORT, '127.0.0.1');
    `;
    const replica = await startReplica(cluster, {
      name: 'stand-in',
      program: ['-e', program],
      serviceAccount: { namespace: NAMESPACE, name: 'default' },
    });
    await replica.ready();
    assert.equal((await replica.get('/')).body, 'stand-in');
    replica.kill('SIGTERM');
    assert.deepEqual(await replica.exited, { code: null, signal: 'SIGTERM' });
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
