/**
 * GitOps tools and the fields that we write, on a real API server. Flux applies server-side by force; Argo CD applies
 * client-side, or server-side if it is set; both can be set to replace. docs/operations.md makes the same statements.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { parseAllDocuments, stringify } from 'yaml';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { ConfigMaps, StatefulSets, StellarNodes } from '../../runtime/kube/resources.ts';
import { runCommand } from '../cluster/command.ts';
import { installManifests } from '../cluster/install.ts';
import { Network } from '../cluster/network.ts';
import { createScene, type Scene, SHORT } from '../cluster/scene.ts';
import { settled } from '../cluster/settled.ts';
import { startedScene } from '../cluster/shared-scene.ts';
import { until } from '../cluster/until.ts';
import { caBundleDuring } from '../e2e-more/trusted.ts';

const THREE = ['validator-1', 'validator-2', 'validator-3'];
const ALL = [...THREE, 'validator-4'];
const RESTART = 'stellar.org/peer-restart';
const ROLLOUT = 'stellar.org/peer-rollout';

const byForce = (manager: string) => ['--server-side', '--force-conflicts', `--field-manager=${manager}`];

/** For each tool, the flags with which kubectl makes the same requests. */
const APPLIES: Readonly<Record<string, readonly string[]>> = {
  'Flux, server-side by force': byForce('kustomize-controller'),
  'Argo CD with ServerSideApply=true': byForce('argocd-controller'),
  'Argo CD by default, client-side': [],
};

/** These tests depend on each other and run in this order. */
describe('under a GitOps tool', () => {
  const scene = startedScene(() => createScene());
  const network = new Network(scene, 'stellar');
  let restarted: Record<string, number>;

  const kubectl = (args: readonly string[], input?: string) => scene.cluster.kubectl(args, input);
  const apply = (flags: readonly string[]) =>
    installManifests(scene.cluster, { webhookUrl: scene.webhookUrl, env: SHORT, flags });
  const assertNoRestart = () => assert.deepEqual(network.restarts(ALL), restarted);
  const setNow = async (name: string) =>
    (await scene.cluster.admin.get({ resource: StatefulSets, namespace: 'stellar', name })) ??
    assert.fail(name);
  const restartOf = async (name: string): Promise<string | undefined> => {
    const { template } = (await setNow(name)).spec as { template: KubeObject };
    return template.metadata.annotations?.[RESTART];
  };
  /** A StatefulSet as YAML in a Git repository: without our annotation. */
  async function inGit(name: string): Promise<string> {
    const { apiVersion, kind, metadata, spec } = await setNow(name);
    const { template, ...rest } = spec as { template: KubeObject };
    const { [RESTART]: _, ...annotations } = template.metadata.annotations ?? {};
    const { labels, namespace, ownerReferences } = metadata;
    return stringify({
      ...{ apiVersion, kind, metadata: { name, namespace, labels, ownerReferences } },
      spec: { ...rest, template: { ...template, metadata: { ...template.metadata, annotations } } },
    });
  }
  const peersNow = async (): Promise<Readonly<Record<string, string>>> => {
    const found = await scene.cluster.admin.get({
      ...{ resource: ConfigMaps, namespace: 'stellar', name: 'stellar-peers' },
    });
    return (found?.data ?? {}) as Record<string, string>;
  };

  before(async () => {
    await network.found(THREE);
    await network.untilTheyKnow(THREE);
    await network.add('validator-4');
    await network.untilTheyKnow(ALL);
    restarted = network.restarts(ALL);
    for (const name of THREE) assert.ok(await restartOf(name), `${name} was restarted by its template`);
  });

  for (const [tool, flags] of Object.entries(APPLIES)) {
    it(`caBundle stays while our manifests are applied repeatedly: ${tool}`, async () => {
      const states = await caBundleDuring(scene.cluster, async () => {
        await apply(flags);
        await apply(flags);
        await settled(scene);
      });
      assert.ok(!states.includes(0), `CAs in caBundle: ${states}`);
      assertNoRestart();
    });

    it(`an apply of a StatefulSet keeps the annotation of a restart: ${tool}`, async () => {
      const before = await restartOf('validator-1');
      await kubectl(['apply', ...flags, '-f', '-'], await inGit('validator-1'));
      assert.equal(await restartOf('validator-1'), before);
      await settled(scene);
      assertNoRestart();
    });

    it(`an apply of the ConfigMap keeps our keys beside those of the tool: ${tool}`, async () => {
      const before = await peersNow();
      const metadata = { name: 'stellar-peers', namespace: 'stellar' };
      const own = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { notes: tool } };
      await kubectl(['apply', ...flags, '-f', '-'], stringify(own));
      await settled(scene);
      assert.deepEqual(await peersNow(), { ...before, notes: tool });
      assertNoRestart();
    });
  }

  it('a replace empties caBundle, and a replica fills it again', async () => {
    const yaml = await apply([]);
    const [webhook] = parseAllDocuments(yaml)
      .map((document) => document.toJS() as KubeObject)
      .filter(({ kind }) => kind === 'MutatingWebhookConfiguration');
    const states = await caBundleDuring(scene.cluster, async () => {
      await kubectl(['replace', '-f', '-'], stringify(webhook));
      await until('caBundle is filled', async () => {
        const path = 'jsonpath={.webhooks[0].clientConfig.caBundle}';
        const found = await kubectl(['get', 'mutatingwebhookconfiguration', 'stellar-peers', '-o', path]);
        return found !== '';
      });
      await settled(scene);
    });
    assert.ok(states.includes(0), `CAs in caBundle: ${states}`);
    assertNoRestart();
  });

  it('a replace of the ConfigMap removes our keys, and the leader writes them again', async () => {
    const { notes: _, ...ours } = await peersNow();
    const metadata = { name: 'stellar-peers', namespace: 'stellar' };
    await kubectl(
      ['replace', '-f', '-'],
      stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: {} }),
    );
    const names = Object.keys(ours).sort();
    await until('our keys are there', async () => {
      const now = Object.keys(await peersNow()).sort();
      return now.join() === names.join();
    });
    await settled(scene);
    assertNoRestart();
  });

  it('Flux removes an annotation of kubectl, but keeps the annotation of stellar-peers pause', async () => {
    await kubectl(['annotate', '-n', 'stellar', 'stellarnode', 'validator-1', `${ROLLOUT}=paused`]);
    const pause = ['pause', 'validator-2', '-n', 'stellar', '--yes'];
    assert.equal((await runCommand(scene.cluster, pause)).code, 0);
    const rolloutOf = async (name: string) => {
      const found = await scene.cluster.admin.get({ resource: StellarNodes, namespace: 'stellar', name });
      return found?.metadata.annotations?.[ROLLOUT];
    };
    assert.deepEqual([await rolloutOf('validator-1'), await rolloutOf('validator-2')], ['paused', 'paused']);
    for (const name of ['validator-1', 'validator-2']) await asFlux(scene, name);
    assert.deepEqual([await rolloutOf('validator-1'), await rolloutOf('validator-2')], [undefined, 'paused']);
    await settled(scene);
    assertNoRestart();
  });

  it('a replace of StatefulSets removes the annotation, and restarts their validators', async () => {
    const names = ['validator-1', 'validator-3'];
    for (const name of names) await kubectl(['replace', '-f', '-'], await inGit(name));
    await until('both are restarted', () => {
      const now = network.restarts(names);
      return names.every((name) => (now[name] ?? 0) > (restarted[name] ?? 0));
    });
    await settled(scene);
    const now = network.restarts(ALL);
    const others = ALL.filter((name) => !names.includes(name));
    for (const name of others) assert.equal(now[name], restarted[name], name);
  });
});

/**
 * Applies a StellarNode as Flux does. Flux first takes over the fields that any kubectl has written, so its apply removes
 * the fields that are not in the repository.
 */
async function asFlux({ cluster }: Scene, name: string): Promise<void> {
  const FLUX = 'kustomize-controller';
  const node =
    (await cluster.admin.get({ resource: StellarNodes, namespace: 'stellar', name })) ?? assert.fail(name);
  const { apiVersion, kind, spec } = node;
  const wanted = stringify({ apiVersion, kind, metadata: { name, namespace: 'stellar' }, spec });
  await cluster.kubectl(['apply', ...byForce(FLUX), '-f', '-'], wanted);
  const found =
    (await cluster.admin.get({ resource: StellarNodes, namespace: 'stellar', name })) ?? assert.fail(name);
  const managedFields = (found.metadata.managedFields ?? []).map((entry) =>
    entry.manager?.startsWith('kubectl') ? { ...entry, manager: FLUX, operation: 'Apply' } : entry,
  );
  const merged = mergedBy(FLUX, managedFields);
  await cluster.kubectl(
    ['replace', '-f', '-'],
    stringify({ ...found, metadata: { ...found.metadata, managedFields: merged } }),
  );
  await cluster.kubectl(['apply', ...byForce(FLUX), '-f', '-'], wanted);
}

type Entry = NonNullable<KubeObject['metadata']['managedFields']>[number];

/** Merges all entries of the manager into one, because an object may have only one entry for each manager. */
function mergedBy(manager: string, entries: readonly Entry[]): Entry[] {
  const own = entries.filter((entry) => entry.manager === manager);
  const [first, ...others] = own;
  if (first === undefined) return [...entries];
  const fields = others.reduce<unknown>((all, { fieldsV1 }) => union(all, fieldsV1), first.fieldsV1);
  return [{ ...first, fieldsV1: fields }, ...entries.filter((entry) => entry.manager !== manager)];
}

function union(one: unknown, other: unknown): unknown {
  const [a, b] = [one, other] as Array<Record<string, unknown> | undefined>;
  const keys = new Set([...Object.keys(a ?? {}), ...Object.keys(b ?? {})]);
  return Object.fromEntries([...keys].map((key) => [key, union(a?.[key], b?.[key])]));
}
