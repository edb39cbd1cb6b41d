/**
 * A webhook with a network at rest behind it, for tests that attack it: over real connections, or past them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { parse } from 'yaml';
import { createAuthority, issueLeaf } from '../../../certs/authority.ts';
import { type Fields, fieldsOf } from '../../../peers/field.ts';
import { listenOn } from '../../../runtime/listen.ts';
import { LIMITS, type Limits } from '../../../webhook/http/limits.ts';
import { createWebhookServer, type ServingCertificate } from '../../../webhook/http/server.ts';
import { MERGE_DEFAULTS } from '../../../webhook/review/admit.ts';
import { CapturedLog } from '../stand-ins/captured-log.ts';
import { VALID_NOW } from '../stand-ins/now.ts';
import { FakeClock } from './fake-clock.ts';
import { Village } from './village.ts';

const GOLDEN = new URL('../../golden/admission/', import.meta.url);
export const PATH = '/mutate-pods';
export const JSON_HEADERS = { 'content-type': 'application/json' };

/** The pods of the golden files, by title: as the operator makes them, and as others change them. */
export const goldenPods: ReadonlyMap<string, Fields> = new Map(
  readdirSync(GOLDEN)
    .filter((file) => file.endsWith('.input.yaml'))
    .map((file) => [file.split('.')[0] ?? '', parse(readFileSync(new URL(file, GOLDEN), 'utf8'))]),
);

export const operatorPod = (): Fields => structuredClone(goldenPods.get('operator') ?? {});

/** The review of a pod, as an object. */
export const reviewOf = (object: unknown, request: object = {}) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    ...{ uid: 'a-uid', operation: 'CREATE', namespace: 'stellar' },
    ...{ kind: { group: '', version: 'v1', kind: 'Pod' }, object },
    ...request,
  },
});

const ownerOf = (pod: Fields): string => {
  const [owner] = (fieldsOf(pod.metadata).ownerReferences ?? []) as Array<{ name?: string }>;
  return owner?.name ?? 'validator-1';
};

let issued: Promise<{ leaf: ServingCertificate; ca: string }> | undefined;
const certificate = () => {
  issued ??= createAuthority(VALID_NOW).then(async (authority) => ({
    leaf: await issueLeaf(authority, { ...VALID_NOW, hosts: ['localhost'] }),
    ca: authority.certPem,
  }));
  return issued;
};

export type Served = Awaited<ReturnType<typeof serve>>;

/** `config` is the StellarNodes' `stellar.org/peer-config`. */
export async function serve({ limits = {}, config }: { limits?: Partial<Limits>; config?: string } = {}) {
  const { leaf, ca } = await certificate();
  const clock = new FakeClock();
  const memberships = new Village(clock);
  const annotations = config === undefined ? {} : { 'stellar.org/peer-config': config };
  for (const name of new Set([...goldenPods.values()].map(ownerOf))) memberships.join(name, { annotations });
  memberships.publish();
  await clock.pass(3_600_000);
  const results: string[] = [];
  const log = new CapturedLog();
  log.debug = () => undefined;
  const { lines } = log;
  const server = createWebhookServer({
    ...{ certificate: leaf, memberships, clock, log, ownNamespace: 'stellar-peers' },
    merging: MERGE_DEFAULTS,
    limits: { ...LIMITS, ...limits },
    observe: (result) => void results.push(result),
  });
  const post = async (payload: object | string | Buffer, headers: Record<string, string> = JSON_HEADERS) => {
    const body = typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload);
    const reply = await server.app.inject({ method: 'POST', url: PATH, headers, payload: body });
    return { status: reply.statusCode, text: reply.body };
  };
  return { server, memberships, clock, results, lines, post, ca };
}

/** Listens on a port of its own, where `connection` opens connections to it. */
export async function listening(options: { limits?: Partial<Limits> } = {}) {
  const served = await serve(options);
  await listenOn(served.server.app, { port: 0, host: '127.0.0.1' });
  const { port } = served.server.app.server.address() as AddressInfo;
  const sockets: TLSSocket[] = [];
  const connection = (more: ConnectionOptions = {}): Promise<TLSSocket> =>
    new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', servername: 'localhost', port, ca: served.ca, ...more };
      const socket = connect(options, () => resolve(socket));
      sockets.push(socket);
      // Once connected, a broken connection is what most of these tests are about.
      socket.on('error', reject);
    });
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await served.server.close();
  };
  return { ...served, connection, stop };
}
