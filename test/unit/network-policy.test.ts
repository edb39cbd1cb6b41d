/** The traffic that the NetworkPolicy allows. That an API server accepts the policy is tested in test/e2e/manifests.test.ts. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { readSettings } from '../../app/settings.ts';
import { type Fields, fieldsOf, listOf } from '../../peers/field.ts';
import { LABEL_NODE_TYPE, NODE_TYPE_VALIDATOR } from '../../peers/names.ts';

const read = (path: string): Fields =>
  fieldsOf(parse(readFileSync(new URL(`../../manifests/${path}`, import.meta.url), 'utf8')));

const policy = read('network-policy/policy.yaml');
const spec = fieldsOf(policy.spec);
const settings = readSettings({});

/** Rules of one direction as `<who>: <ports>`. */
function rulesOf(direction: 'ingress' | 'egress'): string[] {
  return listOf(spec[direction]).map((rule) => {
    const peers = rule[direction === 'ingress' ? 'from' : 'to'];
    const ports = listOf(rule.ports).map(({ port, protocol }) => `${port}/${protocol}`);
    return `${peers === undefined ? 'any client' : listOf(peers).map(nameOf).join(' or ')}: ${ports.join(' ')}`;
  });
}

const labelsOf = (selector: unknown): string =>
  Object.entries(fieldsOf(fieldsOf(selector).matchLabels))
    .map(([key, value]) => `${key}=${value}`)
    .join();

function nameOf({ podSelector, namespaceSelector, ...others }: Fields): string {
  assert.deepEqual(others, {}, 'selectors only');
  const pods = podSelector === undefined ? 'all pods' : `pods ${labelsOf(podSelector)}`;
  if (namespaceSelector === undefined) return pods;
  return `${pods} in ${labelsOf(namespaceSelector) || 'every namespace'}`;
}

describe('the NetworkPolicy', () => {
  it('applies to all of our pods, in both directions', () => {
    assert.deepEqual(spec.policyTypes, ['Ingress', 'Egress']);
    const deployment = fieldsOf(read('base/deployment.yaml').spec);
    assert.deepEqual(spec.podSelector, deployment.selector);
    assert.equal(fieldsOf(policy.metadata).namespace, settings.namespace);
  });

  it('allows reviews from any address, and access to metrics or the page by the label of a namespace', () => {
    assert.deepEqual(rulesOf('ingress'), [
      `any client: ${settings.webhookPort}/TCP`,
      `all pods in stellar.org/peer-metrics=scrape: ${settings.httpPort}/TCP`,
      `all pods in stellar.org/peer-status=view: ${settings.statusPagePort}/TCP`,
    ]);
  });

  it('allows outgoing calls only to DNS, the API server, our own webhook and validators', () => {
    const ours = 'pods app.kubernetes.io/name=stellar-peers';
    assert.deepEqual(rulesOf('egress'), [
      'all pods in kubernetes.io/metadata.name=kube-system or all pods in kubernetes.io/metadata.name=openshift-dns: ' +
        '53/UDP 53/TCP 5353/UDP 5353/TCP',
      'any client: 443/TCP 6443/TCP',
      `${ours}: ${settings.webhookPort}/TCP`,
      `pods ${LABEL_NODE_TYPE}=${NODE_TYPE_VALIDATOR} in every namespace: ${settings.corePort}/TCP`,
    ]);
  });
});
