/**
 * Runs stellar-peers itself beside the test cluster, under a token of its real ServiceAccount: one or
 * several replicas, and one address in front of their webhooks.
 */
import { request } from 'node:http';
import { join } from 'node:path';
import type { Cluster } from './boot.ts';
import { type Front, startFront } from './front.ts';
import { type Child, logTail } from './keeper.ts';
import { freePorts } from './ports.ts';
import { until } from './until.ts';

export interface Replica extends Child {
  readonly webhookPort: number;
  readonly httpPort: number;
  /** Of the status page. */
  readonly pagePort: number;
  /** Status and body of `GET http://…:<httpPort><path>`. */
  get(path: string): Promise<{ status: number; body: string }>;
  /** Resolves when /readyz answers 200; rejects if the process ends or the deadline passes. */
  ready(deadlineMs?: number): Promise<void>;
}

interface ReplicaOptions {
  /** Default `stellar-peers-1`; also the name of its log. */
  readonly name?: string;
  /** Settings on top of those that the test cluster needs. */
  readonly env?: Readonly<Record<string, string>>;
  /** Namespace and name of its ServiceAccount. Default `stellar-peers` in `stellar-peers`. */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string };
  /** What node runs instead of main.ts, with its arguments. */
  readonly program?: readonly string[];
}

export interface Replicas {
  readonly replicas: readonly Replica[];
  readonly front: Front;
  /** From now on these are the replicas, e.g. after one was started anew; the front goes with them. */
  use(replicas: readonly Replica[]): void;
  /** SIGTERM to all of them; resolves when they have ended and the front is closed. */
  stop(): Promise<void>;
}

const ROOT = join(import.meta.dirname, '../..');
const SERVICE_ACCOUNT = { namespace: 'stellar-peers', name: 'stellar-peers' };
const READY_DEADLINE_MS = 60_000;

/** Starts one replica; it may not be ready yet. */
export async function startReplica(cluster: Cluster, options: ReplicaOptions = {}): Promise<Replica> {
  const {
    name = 'stellar-peers-1',
    serviceAccount = SERVICE_ACCOUNT,
    program = ['main.ts', 'run'],
  } = options;
  const [webhookPort = 0, httpPort = 0, pagePort = 0] = await freePorts(3);
  const kubeconfig = await cluster.serviceAccountKubeconfig(serviceAccount.namespace, serviceAccount.name);
  const child = cluster.keeper.start(name, process.execPath, program, {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH ?? '',
      KUBECONFIG: kubeconfig,
      POD_NAMESPACE: serviceAccount.namespace,
      POD_NAME: name,
      BIND_ADDRESS: '127.0.0.1',
      WEBHOOK_HOSTS: '127.0.0.1',
      WEBHOOK_PORT: String(webhookPort),
      HTTP_PORT: String(httpPort),
      STATUS_PAGE_PORT: String(pagePort),
      ...options.env,
    },
  });
  const get = (path: string) => httpGet(httpPort, path);
  return {
    ...child,
    webhookPort,
    httpPort,
    pagePort,
    get,
    ready: (deadlineMs = READY_DEADLINE_MS) => waitUntilReady(child, get, deadlineMs),
  };
}

/**
 * Starts `count` replicas, `stellar-peers-1` and so on, and waits until all are ready. They stand behind
 * `front`, whose address the webhook configuration may know already, or behind a new one.
 */
export async function startReplicas(
  cluster: Cluster,
  count: number,
  options: { front?: Front } & Pick<ReplicaOptions, 'env' | 'program'> = {},
): Promise<Replicas> {
  const { front: given, ...rest } = options;
  const front = given ?? (await startFront());
  const names = Array.from({ length: count }, (_, index) => `stellar-peers-${index + 1}`);
  const replicas = await Promise.all(names.map((name) => startReplica(cluster, { ...rest, name })));
  let current: readonly Replica[] = replicas;
  const use = (next: readonly Replica[]) => {
    current = next;
    front.setBackends(next.map((replica) => replica.webhookPort));
  };
  use(replicas);
  await Promise.all(replicas.map((replica) => replica.ready()));
  return {
    get replicas() {
      return current;
    },
    front,
    use,
    stop: async () => {
      for (const replica of current) replica.kill('SIGTERM');
      await Promise.all(current.map((replica) => replica.exited));
      // A front that was handed in serves the next replicas too.
      if (!given) await front.stop();
    },
  };
}

async function waitUntilReady(child: Child, get: Replica['get'], deadlineMs: number): Promise<void> {
  const outcome = await until(
    `${child.name} is ready (log: ${child.logPath})`,
    async () => {
      if (child.exit()) return 'ended';
      const { status, body } = await get('/readyz');
      if (status !== 200) throw new Error(`/readyz answers ${status} ${body}`);
      return 'ready';
    },
    { deadlineMs },
  );
  if (outcome === 'ended') throw new Error(`${child.name} ended before it was ready:\n${logTail(child)}`);
}

function httpGet(port: number, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, timeout: 2000, agent: false }, (incoming) => {
      let body = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk: string) => {
        body += chunk;
      });
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body }));
      incoming.on('error', reject);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 2 s')));
    outgoing.on('error', reject);
    outgoing.end();
  });
}
