/**
 * Runs replicas of stellar-peers beside the test cluster, with a token of the real ServiceAccount and one address in front
 * of their webhooks.
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
  /** The port of the status page. */
  readonly pagePort: number;
  /** Status and body of `GET http://…:<httpPort><path>`. */
  get(path: string): Promise<{ status: number; body: string }>;
  /** Resolves when /readyz answers 200; rejects if the process ends or the deadline passes. */
  ready(deadlineMs?: number): Promise<void>;
}

interface ReplicaOptions {
  /** Name of the replica and of its log. Default: `stellar-peers-1`. */
  readonly name?: string;
  /** Settings in addition to those that the test cluster needs. */
  readonly env?: Readonly<Record<string, string>>;
  /** Namespace and name of its ServiceAccount. Default `stellar-peers` in `stellar-peers`. */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string };
  /** The program for node in place of main.ts, with its arguments. */
  readonly program?: readonly string[];
}

export interface Replicas {
  readonly replicas: readonly Replica[];
  readonly front: Front;
  /** Sets the present replicas, for example after one was restarted. The front then forwards to them. */
  use(replicas: readonly Replica[]): void;
  /** Sends SIGTERM to all replicas. Resolves when they have ended and the front is closed. */
  stop(): Promise<void>;
}

const ROOT = join(import.meta.dirname, '../..');
const SERVICE_ACCOUNT = { namespace: 'stellar-peers', name: 'stellar-peers' };
const READY_DEADLINE_MS = 60_000;

/** Starts one replica, without waiting until it is ready. */
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
 * Starts `count` replicas, `stellar-peers-1` and so on, and waits until all are ready. They are behind `front`, whose
 * address may already be in the webhook configuration, or behind a new front.
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
      // Keep a front of the caller, because it serves the next replicas too.
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
