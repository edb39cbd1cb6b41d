/** Unusual but legal names and values: the chart renders manifests that Kubernetes accepts, or names the fault. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { fieldsOf, listOf } from '../../../peers/field.ts';
import type { KubeObject } from '../../../runtime/kube/port.ts';
import { CHART, helm, objectsIn, render, type Values, withValues } from './helm.ts';

const REFUSED = /values don't meet the specifications of the schema/;

const EVERYTHING = {
  namespace: { create: true },
  certManager: { enabled: true },
  networkPolicy: { enabled: true, dns: { namespaces: ['123'], ports: [53] } },
  monitoring: { enabled: true, prometheusRule: { enabled: true }, dashboard: { enabled: true } },
  quorumSets: { '123': ['core'] },
  watchNamespaces: ['123', 'true'],
  priorityClassName: '1000',
};

const ofKind = (objects: readonly KubeObject[], kind: string): KubeObject =>
  objects.find((each) => each.kind === kind) ?? assert.fail(`no ${kind}`);
const specOf = (objects: readonly KubeObject[], kind: string) => fieldsOf(ofKind(objects, kind).spec);
const podOf = (objects: readonly KubeObject[]) =>
  fieldsOf(fieldsOf(specOf(objects, 'Deployment').template).spec);

/** The paths of the values that have one of these keys and are not a string. */
function nonStrings(value: unknown, keys: readonly string[], path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => {
    const at = `${path}/${key}`;
    const wrong = keys.includes(key) && typeof each !== 'string' && typeof each !== 'object';
    return wrong || (keys.includes(key) && each === null) ? [at] : nonStrings(each, keys, at);
  });
}

describe('names that YAML would read as something else', () => {
  for (const name of ['123', '1e3', 'true', 'null']) {
    it(`stay text everywhere, such as ${name} for release and namespace`, async () => {
      const made = await withValues(EVERYTHING, async (file) =>
        objectsIn(await helm('template', name, CHART, '-n', name, '-f', file)),
      );
      const keys = [
        ...['name', 'namespace', 'app.kubernetes.io/instance', 'kubernetes.io/metadata.name'],
        'priorityClassName',
      ];
      for (const object of made)
        assert.deepEqual(nonStrings(object, keys), [], `${object.kind} ${object.metadata.name}`);
      assert.equal(ofKind(made, 'Namespace').metadata.name, name);
    });
  }
});

/** The path of each value in values.yaml, nested values included. */
function pathsOf(values: Values, above: readonly string[] = []): string[][] {
  return Object.entries(values).flatMap(([key, value]) => {
    const path = [...above, key];
    const parts = typeof value === 'object' && value !== null && !Array.isArray(value);
    return parts ? [path, ...pathsOf(value as Values, path)] : [path];
  });
}

describe('a value that is null, for example because all lines below its name are comments', () => {
  const defaults = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as Values;
  const on = { certManager: { enabled: true }, networkPolicy: { enabled: true } };
  const monitoring = { enabled: true, prometheusRule: { enabled: true }, dashboard: { enabled: true } };

  for (const path of pathsOf(defaults)) {
    it(`is refused, or leaves nothing empty: ${path.join('.')}`, async () => {
      const flags = ['--set-json', `${path.join('.')}=null`];
      const made = await withValues({ ...on, monitoring }, (file) =>
        helm('template', 'one', CHART, '-f', file, ...flags).catch((error: Error) => error),
      );
      if (made instanceof Error) return assert.match(made.message, REFUSED);
      const empty = objectsIn(made).flatMap((object) => emptyIn(object, object.kind));
      assert.deepEqual(empty, []);
      return assert.equal(typeof specOf(objectsIn(made), 'Deployment').replicas, 'number');
    });
  }
});

/** The paths of the values that are null. */
function emptyIn(value: unknown, path: string | undefined): string[] {
  if (value === null) return [String(path)];
  if (typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, each]) => emptyIn(each, `${path}/${key}`));
}

describe('values that repeat what the chart sets', () => {
  const OWN = { 'app.kubernetes.io/name': 'mine' };
  const TWICE: ReadonlyArray<readonly [string, Values]> = [
    [
      'an annotation of the webhook',
      { webhook: { annotations: { 'admissions.enforcer/disabled': 'false' } } },
    ],
    ['a label of the ServiceMonitor', { monitoring: { enabled: true, labels: OWN } }],
    ['a label of the dashboard', { monitoring: { dashboard: { enabled: true, labels: OWN } } }],
  ];
  for (const [what, values] of TWICE)
    it(`are refused: ${what}`, () => assert.rejects(render(values), REFUSED));

  it('are refused in extraEnv, by name: a setting that is also in `settings`, and a variable that appears twice', async () => {
    const setting = { name: 'MIN_READY_SECONDS', value: '5' };
    await assert.rejects(
      render({ settings: { MIN_READY_SECONDS: 600 }, extraEnv: [setting] }),
      /extraEnv: MIN_READY_SECONDS is there twice/,
    );
    const proxy = { name: 'HTTPS_PROXY', value: 'http://proxy.example.com:3128' };
    await assert.rejects(render({ extraEnv: [proxy, proxy] }), /extraEnv: HTTPS_PROXY is there twice/);
    const [container] = listOf(podOf(await render({ extraEnv: [setting, proxy] })).containers);
    assert.equal(listOf(container?.env).length, 4);
  });
});

describe('ports', () => {
  it('of the webhook are refused if the replica uses them for something else', async () => {
    for (const port of [8080, 8082]) await assert.rejects(render({ webhook: { port } }), REFUSED);
  });

  it('in settings appear in the Deployment and in the NetworkPolicy', async () => {
    const settings = { STATUS_PAGE_PORT: 9000, CORE_HTTP_PORT: '12626' };
    const made = await render({ settings, networkPolicy: { enabled: true } });
    const [container] = listOf(podOf(made).containers);
    assert.deepEqual(listOf(container?.ports).find(({ name }) => name === 'status')?.containerPort, 9000);
    const policy = JSON.stringify(specOf(made, 'NetworkPolicy'));
    assert.match(policy, /"port":9000.*"port":12626/);
    assert.doesNotMatch(policy, /8082|11626/);
  });

  it('that settings switch off with 0 appear neither in the NetworkPolicy nor in the Deployment', async () => {
    const settings = { STATUS_PAGE_PORT: 0, CORE_HTTP_PORT: 0 };
    const made = await render({ settings, networkPolicy: { enabled: true } });
    assert.doesNotMatch(JSON.stringify(specOf(made, 'NetworkPolicy')), /"port":(0|11626)\b/);
    assert.doesNotMatch(JSON.stringify(podOf(made)), /"containerPort":0\b/);
  });
});

describe('the pod of `helm test`', () => {
  it('has the tolerations and the priority of the replicas', async () => {
    const tolerations = [{ key: 'dedicated', operator: 'Exists' }];
    const pod = specOf(await render({ tolerations, priorityClassName: 'high' }), 'Pod');
    assert.deepEqual([pod.tolerations, pod.priorityClassName], [tolerations, 'high']);
  });
});

describe('an image', () => {
  it('is refused if its repository has a tag or digest, because the chart adds a tag', async () => {
    for (const repository of ['registry.example.com/one:1.0', `one@sha256:${'ab'.repeat(32)}`])
      await assert.rejects(render({ image: { repository } }), REFUSED);
    const repository = 'registry.example.com:5000/one';
    const [container] = listOf(podOf(await render({ image: { repository } })).containers);
    assert.match(String(container?.image), /^registry\.example\.com:5000\/one:\d/);
  });
});
