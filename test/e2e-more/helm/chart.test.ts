/** The chart as helm renders it: the same objects as kustomize makes from the manifests, and the effect of values. */
import assert from 'node:assert/strict';
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readSettings } from '../../../app/settings.ts';
import type { KubeObject } from '../../../runtime/kube/port.ts';
import { withManifestsFor } from '../../cluster/watched.ts';
import { CHART, helm, kustomized, NAMESPACE, ROOT, render, type Values, withValues } from './helm.ts';

const MANIFESTS = join(ROOT, 'manifests');

const isHook = ({ metadata }: KubeObject): boolean => metadata.annotations?.['helm.sh/hook'] !== undefined;
/** The spec of the first object of that kind. */
function specOf(objects: readonly KubeObject[], kind: string): Readonly<Record<string, unknown>> {
  const object = objects.find((each) => each.kind === kind) ?? assert.fail(`no ${kind}`);
  return object.spec as Record<string, unknown>;
}
const keyOf = ({ kind, metadata: { namespace = '', name } }: KubeObject): string =>
  `${kind} ${namespace}/${name}`;

/** The same value with its lists of objects (rules, variables of the environment, volumes) in one order. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(inOrder);
    const ordered = items.every((item) => typeof item === 'object');
    return ordered ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, each]) => [key, inOrder(each)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The labels that name a release. The manifests have none of them. */
const RELEASE_LABELS = [
  'app.kubernetes.io/instance',
  'app.kubernetes.io/managed-by',
  'app.kubernetes.io/version',
  'helm.sh/chart',
];

function withoutRelease(object: KubeObject): KubeObject {
  const { labels = {}, ...metadata } = object.metadata;
  const kept = Object.entries(labels).filter(([name]) => !RELEASE_LABELS.includes(name));
  const left = kept.length === 0 ? metadata : { ...metadata, labels: Object.fromEntries(kept) };
  return { ...object, metadata: left };
}

const byKey = (objects: readonly KubeObject[]): Record<string, unknown> =>
  Object.fromEntries(
    objects.filter((object) => !isHook(object)).map((object) => [keyOf(object), inOrder(object)]),
  );

/** Asserts that both have the same objects with the same content. */
function assertSame(chart: readonly KubeObject[], kustomize: readonly KubeObject[]): void {
  const [ours, wanted] = [byKey(chart.map(withoutRelease)), byKey(kustomize)];
  assert.deepEqual(Object.keys(ours).sort(), Object.keys(wanted).sort());
  for (const [key, object] of Object.entries(wanted)) assert.deepEqual(ours[key], object, key);
}

const WITH_NAMESPACE = { namespace: { create: true } };

/** Renders manifests/base with more lines in its kustomization.yaml. */
async function baseWith(more: string): Promise<KubeObject[]> {
  const copy = mkdtempSync(join(tmpdir(), 'stellar-peers-'));
  try {
    cpSync(MANIFESTS, copy, { recursive: true });
    appendFileSync(join(copy, 'base/kustomization.yaml'), more);
    return await kustomized(join(copy, 'base'));
  } finally {
    rmSync(copy, { recursive: true });
  }
}

describe('the chart', () => {
  it('is by default manifests/base, object by object, without the Namespace that helm is given', async () => {
    const base = await kustomized(join(MANIFESTS, 'base'));
    assert.ok(base.length > 15, `${base.length} objects`);
    assertSame(
      await render(),
      base.filter(({ kind }) => kind !== 'Namespace'),
    );
    assertSame(await render(WITH_NAMESPACE), base);
  });

  it('is manifests/cert-manager with certManager', async () => {
    const values = { ...WITH_NAMESPACE, certManager: { enabled: true } };
    assertSame(await render(values), await kustomized(join(MANIFESTS, 'cert-manager')));
  });

  it('is manifests/namespaced with watchNamespaces, one or several', async () => {
    const one = { ...WITH_NAMESPACE, watchNamespaces: ['stellar'] };
    assertSame(await render(one), await kustomized(join(MANIFESTS, 'namespaced')));
    const two = { ...WITH_NAMESPACE, watchNamespaces: ['stellar', 'north'] };
    assertSame(await render(two), await withManifestsFor(['stellar', 'north'], kustomized));
  });

  it('also has manifests/network-policy with networkPolicy', async () => {
    const both = await Promise.all(
      ['base', 'network-policy'].map((name) => kustomized(join(MANIFESTS, name))),
    );
    assertSame(await render({ ...WITH_NAMESPACE, networkPolicy: { enabled: true } }), both.flat());
  });

  it('uses the network of the nodes with hostNetwork, as with the patches of docs/operations.md', async () => {
    const page = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8');
    const [, patches] = /^```yaml\n(patches:\n[\s\S]*?)^```$/m.exec(page) ?? assert.fail('no patches');
    const values = { ...WITH_NAMESPACE, hostNetwork: true };
    assertSame(await render(values), await baseWith(patches ?? ''));
  });

  it('names no user or group on OpenShift, which assigns them', async () => {
    const values = { certManager: { enabled: true } };
    for (const object of await render(values, NAMESPACE, '--api-versions', 'security.openshift.io/v1'))
      assert.doesNotMatch(JSON.stringify(object), /runAsUser|runAsGroup|fsGroup/, keyOf(object));
    assert.match(JSON.stringify(specOf(await render(values), 'Deployment')), /"fsGroup":65532/);
  });

  it('runs only on Linux nodes, whatever the nodeSelector is', async () => {
    const { template } = specOf(await render({ nodeSelector: { pool: 'core' } }), 'Deployment') as {
      template: { spec: Record<string, unknown> };
    };
    assert.deepEqual(template.spec.nodeSelector, { 'kubernetes.io/os': 'linux', pool: 'core' });
  });

  it('moves to another namespace with its policies; a kustomize `namespace:` does not change the account in the policies', async () => {
    const accountsOf = (objects: readonly KubeObject[]) => [
      ...new Set(JSON.stringify(objects).match(/system:serviceaccount:[\w-]+:[\w-]+/g)),
    ];
    assert.deepEqual(accountsOf(await render({}, 'moved')), ['system:serviceaccount:moved:stellar-peers']);
    const overlay = await baseWith('namespace: moved\n');
    assert.deepEqual(accountsOf(overlay), ['system:serviceaccount:stellar-peers:stellar-peers']);
  });

  it('has no budget for a single replica, which could not be drained', async () => {
    const kinds = async (replicas: number) => (await render({ replicas })).map(({ kind }) => kind);
    assert.equal((await kinds(1)).includes('PodDisruptionBudget'), false);
    assert.equal((await kinds(2)).includes('PodDisruptionBudget'), true);
  });

  it('also has manifests/quorum-sets with quorumSets, in each namespace that it names', async () => {
    const folders = ['base', 'quorum-sets'].map((name) => kustomized(join(MANIFESTS, name)));
    const wanted = (await Promise.all(folders)).flat();
    const names = ['validator-1-config', 'validator-2-config', 'validator-3-config'];
    assertSame(await render({ ...WITH_NAMESPACE, quorumSets: { stellar: names } }), wanted);
    const two = await render({ quorumSets: { stellar: names, north: ['core'] } });
    const roles = two.filter(({ metadata }) => metadata.name === 'stellar-peers-quorum-sets');
    assert.deepEqual(roles.map(keyOf).sort(), [
      'Role north/stellar-peers-quorum-sets',
      'Role stellar/stellar-peers-quorum-sets',
      'RoleBinding north/stellar-peers-quorum-sets',
      'RoleBinding stellar/stellar-peers-quorum-sets',
    ]);
    await assert.rejects(render({ quorumSets: { stellar: [] } }));
  });

  it('is the same in another namespace, and all objects name that namespace', async () => {
    const base = JSON.stringify(await kustomized(join(MANIFESTS, 'base')));
    const moved = base
      .replaceAll('"namespace":"stellar-peers"', '"namespace":"elsewhere"')
      .replaceAll('system:serviceaccount:stellar-peers:', 'system:serviceaccount:elsewhere:')
      .replace('["kube-system","stellar-peers"]', '["kube-system","elsewhere"]');
    assertSame(
      await render({}, 'elsewhere'),
      (JSON.parse(moved) as KubeObject[]).filter(({ kind }) => kind !== 'Namespace'),
    );
    const [namespace] = (await render(WITH_NAMESPACE, 'elsewhere')).filter(
      ({ kind }) => kind === 'Namespace',
    );
    assert.equal(namespace?.metadata.name, 'elsewhere');
  });

  it('with monitoring, adds only the objects that the Prometheus operator needs', async () => {
    const labels = { release: 'prometheus' };
    const [without, all] = [await render(), await render({ monitoring: { enabled: true, labels } })];
    const known = new Set(without.map(keyOf));
    const added = all.filter((object) => !known.has(keyOf(object)));
    assert.deepEqual(added.map(keyOf).sort(), [
      'Service stellar-peers/stellar-peers-metrics',
      'ServiceMonitor stellar-peers/stellar-peers',
    ]);
    const service = added.find(({ kind }) => kind === 'Service');
    assert.deepEqual({ matchLabels: specOf(added, 'Service').selector }, specOf(all, 'Deployment').selector);
    const monitor = added.find(({ kind }) => kind === 'ServiceMonitor');
    assert.equal(monitor?.metadata.labels?.release, 'prometheus');
    const { matchLabels } = specOf(all, 'ServiceMonitor').selector as { matchLabels: Record<string, string> };
    for (const [key, value] of Object.entries(matchLabels))
      assert.equal(service?.metadata.labels?.[key], value, key);
  });
});

interface Container {
  readonly image: string;
  readonly env: ReadonlyArray<{ name: string; value?: string }>;
}
async function container(values: Values): Promise<Container> {
  const { template } = specOf(await render(values), 'Deployment') as {
    template: { spec: { containers: Container[] } };
  };
  return template.spec.containers[0] ?? assert.fail('no container');
}

interface PodSpec extends Readonly<Record<string, unknown>> {
  readonly containers: ReadonlyArray<Readonly<Record<string, unknown>>>;
}
/** The pod template of the Deployment. */
async function templateOf(values: Values): Promise<{ metadata: KubeObject['metadata']; spec: PodSpec }> {
  return specOf(await render(values), 'Deployment').template as {
    metadata: KubeObject['metadata'];
    spec: PodSpec;
  };
}

const EVERYTHING = {
  ...WITH_NAMESPACE,
  certManager: { enabled: true },
  networkPolicy: { enabled: true },
  monitoring: { enabled: true, prometheusRule: { enabled: true }, dashboard: { enabled: true } },
  quorumSets: { stellar: ['core'] },
  watchNamespaces: ['stellar'],
};

describe('the labels of a release', () => {
  it('are on every object, and say which chart and which release made it', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    const objects = await render(EVERYTHING);
    assert.ok(objects.length > 30);
    for (const { kind, metadata } of objects)
      assert.deepEqual(
        RELEASE_LABELS.map((name) => metadata.labels?.[name]),
        ['stellar-peers', 'Helm', version, `stellar-peers-${version}`],
        `${kind} ${metadata.name}`,
      );
  });

  it('are in no selector, and not on pods: a Deployment may not change its selector', async () => {
    const selecting = ['Deployment', 'NetworkPolicy', 'PodDisruptionBudget', 'Service', 'ServiceMonitor'];
    const objects = (await render(EVERYTHING)).filter(({ kind }) => selecting.includes(String(kind)));
    assert.deepEqual([...new Set(objects.map(({ kind }) => kind))].sort(), selecting);
    for (const object of objects)
      for (const name of RELEASE_LABELS)
        assert.ok(!JSON.stringify(object.spec ?? {}).includes(name), `${keyOf(object)}: ${name}`);
  });
});

describe('the notes', () => {
  it('name commands that need only kubectl and helm, and say with whose rights they run', async () => {
    const flags = ['-n', NAMESPACE, '--dry-run=client', '--set', 'image.repository=registry.example.com/one'];
    const said = await helm('install', 'stellar-peers', CHART, ...flags);
    const notes = said.slice(said.indexOf('NOTES:'));
    const commands = [...notes.matchAll(/^ {2}(\S+)/gm)].map(([, program]) => program);
    assert.ok(commands.length >= 5, notes);
    assert.deepEqual([...new Set(commands)].sort(), ['helm', 'kubectl']);
    assert.match(notes, /with the rights of stellar-peers and not with yours/);
  });
});

describe('the values', () => {
  it('set the number of replicas by replicaCount, or by its former name', async () => {
    const replicas = async (values: Values) => specOf(await render(values), 'Deployment').replicas;
    assert.equal(await replicas({}), 2);
    assert.equal(await replicas({ replicaCount: 3 }), 3);
    assert.equal(await replicas({ replicas: 0 }), 0);
    const kinds = (await render({ replicaCount: 1 })).map(({ kind }) => kind);
    assert.equal(kinds.includes('PodDisruptionBudget'), false);
  });

  it('set the placement of pods, their names, and more of their environment', async () => {
    const spread = [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }];
    const { metadata, spec } = await templateOf({
      podLabels: { team: 'core' },
      podAnnotations: { note: 'one' },
      topologySpreadConstraints: spread,
      affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: {} } },
      dnsPolicy: 'Default',
      extraEnv: [{ name: 'HTTPS_PROXY', value: 'http://proxy.example.com:3128' }],
    });
    assert.equal(metadata.labels?.team, 'core');
    assert.equal(metadata.labels?.['app.kubernetes.io/name'], 'stellar-peers');
    assert.deepEqual(metadata.annotations, { note: 'one' });
    assert.deepEqual(spec.topologySpreadConstraints, spread);
    assert.deepEqual(Object.keys(spec.affinity as object).sort(), ['nodeAffinity', 'podAntiAffinity']);
    assert.equal(spec.dnsPolicy, 'Default');
    const env = spec.containers[0]?.env as Array<{ name: string }>;
    assert.deepEqual(env.map(({ name }) => name).sort(), ['HTTPS_PROXY', 'POD_NAME', 'POD_NAMESPACE']);
  });

  it('leave out contexts and affinity that are emptied', async () => {
    const none = { podSecurityContext: null, securityContext: null, affinity: null };
    const values = { ...none, certManager: { enabled: true } };
    for (const object of await render(values))
      assert.doesNotMatch(JSON.stringify(object), /"securityContext"|"affinity"/, keyOf(object));
    const own = await templateOf({ podSecurityContext: { fsGroup: 7 }, certManager: { enabled: true } });
    assert.equal((own.spec.securityContext as { fsGroup: number }).fsGroup, 7);
  });

  it('move the port of the webhook wherever it is named, while the Service keeps 443', async () => {
    const objects = await render({ webhook: { port: 9443 }, networkPolicy: { enabled: true } });
    assert.doesNotMatch(JSON.stringify(objects.filter((object) => !isHook(object))), /8443/);
    const { env } = await container({ webhook: { port: 9443 } });
    assert.equal(env.find(({ name }) => name === 'WEBHOOK_PORT')?.value, '9443');
    const [service] = specOf(objects, 'Service').ports as Array<{ port: number; targetPort: string }>;
    assert.deepEqual([service?.port, service?.targetPort], [443, 'webhook']);
    const { metadata } =
      (await render({ webhook: { annotations: { note: 'one' } } })).find(
        ({ kind }) => kind === 'MutatingWebhookConfiguration',
      ) ?? assert.fail();
    assert.deepEqual(metadata.annotations, { 'admissions.enforcer/disabled': 'true', note: 'one' });
  });

  it('annotate the ServiceAccount', async () => {
    const objects = await render({ serviceAccount: { annotations: { role: 'one' } } });
    const account = objects.find(({ kind }) => kind === 'ServiceAccount');
    assert.deepEqual(account?.metadata.annotations, { role: 'one' });
  });

  it('tell the NetworkPolicy where DNS and the API server are', async () => {
    const dns = { namespaces: [], ports: [8053] };
    const values = { networkPolicy: { enabled: true, dns, apiServerPorts: [16_443] } };
    const [names, server] = specOf(await render(values), 'NetworkPolicy').egress as object[];
    const ports = ['UDP', 'TCP'].map((protocol) => ({ port: 8053, protocol }));
    assert.deepEqual(names, { ports });
    assert.deepEqual(server, { ports: [{ port: 16_443, protocol: 'TCP' }] });
  });

  it('add the alerts and the dashboard of manifests/monitoring', async () => {
    const { monitoring } = EVERYTHING;
    const both = await Promise.all(['base', 'monitoring'].map((name) => kustomized(join(MANIFESTS, name))));
    const dashboard = ({ kind, metadata }: KubeObject) =>
      kind === 'ConfigMap' && metadata.name === 'stellar-peers-dashboard';
    const compact = (object: KubeObject): KubeObject => {
      // kustomize writes one more line break into a folded expression.
      if (!dashboard(object)) return JSON.parse(JSON.stringify(object).replaceAll('(\\n\\n', '(\\n'));
      const [[name, text] = ['', '']] = Object.entries(object.data as Record<string, string>);
      return { ...object, data: { [name]: JSON.parse(text) } };
    };
    const ours = (await render({ ...WITH_NAMESPACE, monitoring })).map(compact);
    assertSame(ours, both.flat().map(compact));
  });

  it('set the address of the documents to which alerts and dashboard lead', async () => {
    const documents = 'https://git.example.org/mine/blob/v1/docs';
    const { monitoring } = EVERYTHING;
    const text = JSON.stringify(await render({ monitoring: { ...monitoring, documents } }));
    assert.ok(text.includes(`"runbook_url":"${documents}/runbook.md#stellarpeersnoleader"`));
    assert.doesNotMatch(text, /"runbook_url":"docs|git\.example\.com/);
  });

  it('turn settings into environment variables with the same text', async () => {
    const settings = {
      MIN_READY_SECONDS: 600,
      CERT_LIFETIME_SECONDS: 31_536_000,
      MAX_UNAVAILABLE: '25%',
      ROLL_BELOW: 'all',
      NETWORK_NAMESPACES: 'mainnet=core-a,core-b; custom-0123456789abcdef=lab',
      ROLLOUT_WINDOWS: 'Mon-Fri 09:00-17:00 Europe/Berlin',
    };
    const { env } = await container({ settings });
    const given = Object.fromEntries(env.flatMap(({ name, value }) => (value ? [[name, value]] : [])));
    assert.deepEqual(
      given,
      Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, String(value)])),
    );
    assert.equal(readSettings(given).minReadySeconds, 600);
  });

  it('name an image by tag or by digest', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    const repository = 'registry.example.com/stellar-peers';
    assert.equal((await container({ image: { repository } })).image, `${repository}:${version}`);
    assert.equal((await container({ image: { repository, tag: 'one' } })).image, `${repository}:one`);
    const digest = `sha256:${'ab'.repeat(32)}`;
    assert.equal((await container({ image: { repository, digest } })).image, `${repository}@${digest}`);
  });

  const WRONG: ReadonlyArray<readonly [string, Values]> = [
    ['a setting that is misspelt', { settings: { MIN_READY_SECOND: 600 } }],
    ['a setting that is a list', { settings: { WEBHOOK_HOSTS: ['one'] } }],
    ['off without quotes, which YAML takes for false', { settings: { PEER_RELOAD: false } }],
    ['a setting that the chart sets', { settings: { POD_NAMESPACE: 'one' } }],
    ['a value that is misspelt', { replica: 3 }],
    ['a text that is no name of a namespace', { watchNamespaces: ['Stellar Nodes'] }],
    ['replicas in quotes', { replicas: '2' }],
    ['an invalid port', { webhook: { port: 0 } }],
    ['a misspelt nested value', { networkPolicy: { dns: { port: [53] } } }],
    ['a variable that the chart sets itself', { extraEnv: [{ name: 'WEBHOOK_PORT', value: '1' }] }],
    ['a label that the Service selects by', { podLabels: { 'app.kubernetes.io/name': 'other' } }],
    ['an invalid address of documents', { monitoring: { documents: 'docs' } }],
    ['an invalid digest', { image: { digest: 'latest' } }],
  ];
  for (const [what, values] of WRONG) {
    it(`are refused with ${what}`, async () => {
      await assert.rejects(render(values), /values don't meet the specifications of the schema/);
    });
  }

  it('pass helm lint, with the defaults and with everything on', async () => {
    const all = {
      certManager: { enabled: true },
      networkPolicy: { enabled: true },
      monitoring: { enabled: true, labels: { release: 'prometheus' } },
      watchNamespaces: ['stellar'],
      settings: { ROLL_BELOW: 'all' },
    };
    for (const values of [{}, all]) {
      const said = await withValues(values, (file) => helm('lint', '--strict', CHART, '-f', file));
      assert.match(said, /0 chart\(s\) failed/);
    }
  });

  it('make a pod for `helm test` that Pod Security restricted admits, and that does not count as a replica', async () => {
    const hooks = (await render()).filter(isHook);
    const { securityContext, containers } = specOf(hooks, 'Pod') as {
      securityContext: Record<string, unknown>;
      containers: Array<{ securityContext: Record<string, unknown> }>;
    };
    assert.equal(securityContext.runAsNonRoot, true);
    assert.deepEqual(containers[0]?.securityContext.capabilities, { drop: ['ALL'] });
    assert.equal(hooks[0]?.metadata.labels?.['app.kubernetes.io/name'], undefined);
  });
});
