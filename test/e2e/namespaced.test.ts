/** An install for certain namespaces: it sees no other namespaces, and has no rights in them. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../runtime/kube/port.ts';
import { ConfigMaps, Services } from '../../runtime/kube/resources.ts';
import { ourRefusals, ourRequests } from '../cluster/audit.ts';
import { callerOf } from '../cluster/caller.ts';
import { binary } from '../cluster/control-plane.ts';
import { Network } from '../cluster/network.ts';
import { excessOf, rightsIn, textOf } from '../cluster/rights.ts';
import { createScene } from '../cluster/scene.ts';
import { sceneOf } from '../cluster/shared-scene.ts';
import { withManifestsFor } from '../cluster/watched.ts';

const MANIFESTS = join(import.meta.dirname, '../../manifests');
const TWO = ['validator-1', 'validator-2'];
const THREE = [...TWO, 'validator-3'];

function rendered(folder: string): KubeObject[] {
  const text = execFileSync(binary('kubectl'), ['kustomize', folder], { encoding: 'utf8' });
  return parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
}

const find = (objects: readonly KubeObject[], kind: string): KubeObject => {
  const found = objects.find((object) => object.kind === kind);
  assert.ok(found, kind);
  return found;
};

interface DeploymentSpec {
  template: { spec: { containers: Array<{ env: Array<{ name: string; value?: string }> }> } };
}
interface Webhook {
  namespaceSelector: { matchExpressions: Array<{ key: string; operator: string; values: string[] }> };
}

/** The namespaces that each place names; the places must agree. */
function namespacesIn(objects: readonly KubeObject[]): Record<string, string[]> {
  const { template } = find(objects, 'Deployment').spec as DeploymentSpec;
  const watched = template.spec.containers[0]?.env.find(({ name }) => name === 'WATCH_NAMESPACES')?.value;
  const [webhook] = find(objects, 'MutatingWebhookConfiguration').webhooks as Webhook[];
  const selected = webhook?.namespaceSelector.matchExpressions.find(
    ({ key, operator }) => key === 'kubernetes.io/metadata.name' && operator === 'In',
  );
  const rights = rightsIn(objects);
  const ofValidators = rights.filter(({ resource }) => resource === 'statefulsets');
  const seen = rights.filter(({ resource }) => resource === 'namespaces');
  const sorted = (names: readonly string[]) => [...new Set(names)].sort();
  return {
    watched: sorted(watched?.split(',') ?? []),
    selected: sorted(selected?.values ?? []),
    bound: sorted(ofValidators.map(({ namespace = '' }) => namespace)),
    seen: sorted(seen.map(({ name = '' }) => name)),
  };
}

const allAre = (names: string[]) => ({ watched: names, selected: names, bound: names, seen: names });

describe('the namespaced manifests', () => {
  const objects = rendered(join(MANIFESTS, 'namespaced'));

  it('name the watched namespaces in one place for settings, webhook, RoleBindings and rights on Namespaces', () => {
    assert.deepEqual(namespacesIn(objects), allAre(['stellar']));
    assert.ok(
      !objects.some(({ kind }) => kind === 'ConfigMap'),
      'the ConfigMap that holds the list is not applied',
    );
  });

  it('watch any number of namespaces after one command', async () => {
    const names = ['2026', 'north', 'null', 'stellar'];
    await withManifestsFor(names, (folder) =>
      assert.deepEqual(namespacesIn(rendered(folder)), allAre(names)),
    );
    await withManifestsFor(['stellar'], (folder) => assert.deepEqual(rendered(folder), objects));
  });

  it('are not changed for a text that is not a namespace name', async () => {
    for (const names of [[], ['Stellar'], ['stellar', 'a,b'], ['-a'], [''], ['a', 'b', 'a']]) {
      await assert.rejects(
        withManifestsFor(names, () => undefined),
        /usage|is no name of a namespace|is named twice/,
      );
    }
  });

  it('grant in the whole cluster only cluster-scoped objects, by name', () => {
    const wide = rightsIn(objects).filter(({ namespace }) => namespace === undefined);
    assert.deepEqual([...new Set(wide.map(({ resource, name }) => `${resource} ${name}`))].sort(), [
      'mutatingwebhookconfigurations stellar-peers',
      'namespaces stellar',
    ]);
  });

  it('grant exactly the rights of the base, in the namespaces that need them', () => {
    const without = (all: readonly KubeObject[]) =>
      [
        ...new Set(
          rightsIn(all).map(({ verb, group, resource, name }) =>
            textOf({
              verb,
              group,
              resource,
              namespace: '',
              name: resource === 'namespaces' ? undefined : name,
            }),
          ),
        ),
      ].sort();
    assert.deepEqual(without(objects), without(rendered(join(MANIFESTS, 'base'))));
  });

  it('keep the policies', () => {
    const policies = (all: readonly KubeObject[]) =>
      all.filter(({ kind }) => kind?.startsWith('ValidatingAdmission')).map(({ spec }) => spec);
    assert.deepEqual(policies(objects), policies(rendered(join(MANIFESTS, 'base'))));
  });
});

describe('a namespaced install', () => {
  const folder = join(MANIFESTS, 'namespaced');
  const objects = rendered(folder);
  const scene = sceneOf(() => createScene({ folder, selected: 'stellar' }));
  const inside = new Network(scene, 'stellar', { spec: { customNetworkPassphrase: 'both ; 2026' } });
  const outside = new Network(scene, 'outside', { spec: { customNetworkPassphrase: 'both ; 2026' } });

  before(async () => {
    await scene.cluster.createNamespace('stellar');
    await scene.start(2, { WATCH_NAMESPACES: namespacesIn(objects).watched?.join() ?? '' });
  });

  it('gives the validators of its namespace their peers, and restarts those that lack one', async () => {
    await outside.found(TWO);
    for (const name of TWO) await inside.add(name);
    await inside.untilTheyKnow(TWO);
    await inside.add('validator-3');
    await inside.untilTheyKnow(THREE);
    assert.deepEqual(inside.restarts(THREE), { 'validator-1': 1, 'validator-2': 1, 'validator-3': 0 });
  });

  it('leaves validators of other namespaces alone, even of the same network', async () => {
    await outside.untilReady(TWO);
    assert.deepEqual(outside.restarts(TWO), { 'validator-1': 0, 'validator-2': 0 });
    for (const name of TWO) assert.equal(outside.stamp(name), undefined);
    const { admin } = scene.cluster;
    assert.equal(
      await admin.get({ resource: ConfigMaps, namespace: 'outside', name: 'stellar-peers' }),
      undefined,
    );
    assert.deepEqual((await admin.list(Services, { namespace: 'outside' })).items, []);
  });

  it('makes no request that it has no right for', async () => {
    const entries = await scene.cluster.audit();
    assert.deepEqual(ourRefusals(entries), []);
    assert.deepEqual(excessOf(rightsIn(objects), ourRequests(entries)), []);
  });

  it('can do nothing outside its namespaces with its token', async () => {
    const send = callerOf(await scene.cluster.serviceAccountKubeconfig('stellar-peers', 'stellar-peers'));
    const tried = [
      { method: 'GET', path: '/api/v1/namespaces/outside/pods' },
      { method: 'GET', path: '/api/v1/pods' },
      { method: 'GET', path: '/apis/stellar.org/v1alpha1/stellarnodes' },
      { method: 'GET', path: '/api/v1/namespaces' },
      { method: 'DELETE', path: '/api/v1/namespaces/outside/pods/validator-1-0' },
      { method: 'PATCH', path: '/apis/apps/v1/namespaces/outside/statefulsets/validator-1', body: [] },
      { method: 'PATCH', path: '/api/v1/namespaces/outside/configmaps/stellar-peers', body: [] },
      { method: 'POST', path: '/api/v1/namespaces/outside/services', body: {} },
    ] as const;
    for (const call of tried) assert.equal((await send(call)).status, 403, `${call.method} ${call.path}`);
  });
});
