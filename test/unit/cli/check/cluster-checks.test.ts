/** `stellar-peers check` on the cluster itself, and on what is installed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CHECKS } from '../../../../cli/check/evaluate.ts';
import type { Fields } from '../../../../peers/field.ts';
import {
  type Change,
  complaintsOf,
  deploymentWith,
  factsWith,
  leaseWith,
  objectsOf,
  webhookWith,
} from './healthy.ts';

const facts = (changed: NonNullable<Change['facts']>) => complaintsOf({ facts: changed });

describe('a check of a healthy installation', () => {
  it('has no finding, neither before the install nor after it', () => {
    assert.deepEqual(complaintsOf({}), {});
    assert.deepEqual(facts({ when: 'before' }), {});
  });

  it('is skipped, with the reason, if an object that it needs was not read', () => {
    const why = 'you may not list resource "pods" in API group "" at the cluster scope';
    const found = facts({ unread: new Map([['world', why]]) });
    const needing = ['cluster-domain', 'webhook-configuration', 'webhook-certificate', 'webhook-answers'];
    needing.push('validators', 'published', 'template-owners', 'merged-configuration');
    needing.push('network-policies', 'open-http-port', 'restarts');
    assert.deepEqual(found, Object.fromEntries(needing.map((id) => [id, `skipped: ${why}`])));
  });
});

describe('the API server', () => {
  it('must be 1.33 or newer', () => {
    for (const serverVersion of ['v1.33.0', 'v1.37.0-alpha.1+abc', 'v1.100.2', 'v2.0.0'])
      assert.deepEqual(facts({ serverVersion }), {}, serverVersion);
    assert.deepEqual(facts({ serverVersion: 'v1.32.14' }), {
      'api-server': 'problem: v1.32.14; 1.33 is the oldest version that works',
    });
    assert.match(facts({ serverVersion: '' })['api-server'] ?? '', /^problem: /);
  });
});

describe('the StellarNode definition', () => {
  const crdWith = (
    change: (version: Record<string, unknown>, properties: Record<string, unknown>) => void,
  ) => {
    const crd = structuredClone(factsWith().crd) as Fields;
    const [version] = (crd.spec as { versions: Array<Record<string, unknown>> }).versions;
    const schema = version?.schema as { openAPIV3Schema: { properties: { spec: { properties: object } } } };
    change(version ?? {}, schema.openAPIV3Schema.properties.spec.properties as Record<string, unknown>);
    return facts({ crd })['stellarnode-definition'];
  };

  it('must exist and serve the version that we read', () => {
    assert.match(
      facts({ crd: undefined })['stellarnode-definition'] ?? '',
      /^problem: there is no definition/,
    );
    const unserved = crdWith((version) => Object.assign(version, { served: false }));
    assert.equal(unserved, 'problem: the definition does not serve stellar.org/v1alpha1');
    const other = crdWith((version) => Object.assign(version, { name: 'v1' }));
    assert.equal(other, unserved);
  });

  it('may be of either generation, which the check names', () => {
    assert.equal(
      crdWith((_, properties) => delete properties.customNetworkPassphrase),
      undefined,
    );
    const strange = crdWith((_, properties) => delete properties.network);
    assert.match(strange ?? '', /^warning: .*no spec\.network/);
  });
});

describe('the Deployment', () => {
  const found = (options: Parameters<typeof deploymentWith>[0]) =>
    facts({ deployment: deploymentWith(options) });

  it('must exist, with two replicas that are ready', () => {
    const missing = facts({ deployment: undefined });
    assert.match(missing.deployment ?? '', /^problem: there is no Deployment stellar-peers/);
    assert.deepEqual(Object.keys(missing), ['deployment', 'version']);
    assert.match(missing.version ?? '', /^skipped/);
    assert.deepEqual(found({ ready: 0 }), { deployment: 'problem: 0 of 2 replicas ready' });
    assert.deepEqual(found({ ready: 1 }), { deployment: 'warning: 1 of 2 replicas ready' });
    assert.match(
      found({ replicas: 1 }).deployment ?? '',
      /^warning: 1 of 1 replica ready: while the only replica/,
    );
    assert.match(found({ replicas: 0 }).deployment ?? '', /^problem/);
  });

  it('should run the version of this command', () => {
    const image = (tag: string) => found({ image: `registry.example.com:5000/stellar-peers${tag}` });
    assert.deepEqual(image(':v0.1.0'), {});
    assert.deepEqual(image(':0.1.0@sha256:abcd'), {});
    assert.deepEqual(image(':0.2.0'), { version: 'warning: image 0.2.0, this command 0.1.0' });
    assert.match(image('').version ?? '', /^skipped: .*no tag/);
    assert.match(image('@sha256:abcd').version ?? '', /^skipped: .*no tag/);
  });
});

describe('CLUSTER_DOMAIN', () => {
  const found = (CLUSTER_DOMAIN: string, metadata: object) =>
    complaintsOf({
      env: { CLUSTER_DOMAIN },
      parts: {
        configMaps: [
          {
            metadata: { name: 'stellar-peers', namespace: 'stellar-peers' },
            data: { discovery_metadata: JSON.stringify(metadata) },
          },
        ],
      },
    })['cluster-domain'];

  it('is wrong if the leader says so for the present value', () => {
    const metadata = { peer_count: 3, cluster_domain: 'k8s.example' };
    assert.equal(
      found('wrong.example', metadata),
      'problem: CLUSTER_DOMAIN is wrong.example, where the leader can resolve no name; its pod is told k8s.example',
    );
    assert.equal(found('k8s.example', metadata), undefined);
    assert.equal(found('wrong.example', { peer_count: 3 }), undefined);
    assert.equal(found('wrong.example', { cluster_domain: 7 }), undefined);
  });

  it('is reported with a command that can be pasted', () => {
    const { hint } = CHECKS.find(({ id }) => id === 'cluster-domain') ?? assert.fail('no check');
    assert.match(hint, /^kubectl -n stellar-peers set env deployment\/stellar-peers CLUSTER_DOMAIN-(;|$)/);
  });
});

describe('the admission policies', () => {
  it('must all exist, be bound, and apply to our ServiceAccount', () => {
    const { policies, policyBindings } = factsWith();
    const named = (name: string) => (object: Fields) => (object.metadata as { name: string }).name !== name;
    const without = policies.filter(named('stellar-peers-pods'));
    assert.deepEqual(facts({ policies: without }), {
      'admission-policies': 'problem: missing: stellar-peers-pods',
    });
    const unbound = policyBindings.filter(named('stellar-peers-events'));
    const said = { 'admission-policies': 'problem: not bound with action Deny: stellar-peers-events' };
    assert.deepEqual(facts({ policyBindings: unbound }), said);
    const audited = policyBindings.map((binding) =>
      named('stellar-peers-events')(binding)
        ? binding
        : { ...binding, spec: { ...(binding.spec as object), validationActions: ['Audit'] } },
    );
    assert.deepEqual(facts({ policyBindings: audited }), said);
    assert.match(
      complaintsOf({ env: { POD_NAMESPACE: 'elsewhere' }, parts: {} })['admission-policies'] ?? '',
      /^problem: these policies do not name system:serviceaccount:elsewhere:stellar-peers/,
    );
  });

  it('apply to no account if a kustomize `namespace:` has changed everything but their expressions', () => {
    const { clientConfig } =
      (webhookWith().webhooks as Array<{ clientConfig: { service: object } }>)[0] ?? {};
    const moved = { ...clientConfig, service: { ...clientConfig?.service, namespace: 'moved' } };
    const parts = { webhook: webhookWith({ clientConfig: moved }) };
    const wanted =
      /^problem: these policies do not name system:serviceaccount:moved:stellar-peers: stellar-peers-statefulsets,/;
    const asked = complaintsOf({ env: { POD_NAMESPACE: 'moved' }, parts });
    assert.match(asked['admission-policies'] ?? '', wanted);
    // Without --install-namespace, no Deployment is found in the default namespace.
    const unasked = complaintsOf({ parts, facts: { deployment: undefined } });
    assert.match(unasked['admission-policies'] ?? '', wanted);
    assert.equal(
      unasked.deployment,
      'problem: there is no Deployment stellar-peers in namespace stellar-peers; the webhook is called in moved: ' +
        'stellar-peers check --install-namespace moved',
    );
  });

  it('are the same as in the manifests', async () => {
    const { POLICIES } = await import('../../../../cli/check/installed-checks.ts');
    const shipped = objectsOf('manifests/base/policies.yaml').filter(
      ({ kind }) => kind === 'ValidatingAdmissionPolicy',
    );
    assert.deepEqual(
      POLICIES,
      shipped.map(({ metadata }) => (metadata as { name: string }).name),
    );
  });
});

describe('the leader', () => {
  it('must hold the Lease, and have renewed it in time', () => {
    assert.deepEqual(facts({ lease: leaseWith(15) }), {});
    assert.match(
      facts({ lease: leaseWith(16) }).leader ?? '',
      /^problem: .*renewed 16 s ago: longer than the 15 s/,
    );
    for (const lease of [undefined, {}, leaseWith(1, '')])
      assert.deepEqual(facts({ lease }), { leader: 'problem: no replica holds the Lease stellar-peers' });
  });
});
