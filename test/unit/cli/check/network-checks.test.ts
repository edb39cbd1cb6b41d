/** `stellar-peers check` on NetworkPolicies that select validators, and on open HTTP ports. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Fields } from '../../../../peers/field.ts';
import { complaintsOf, policyWith } from './healthy.ts';

const found = (...networkPolicies: Fields[]) => complaintsOf({ facts: { networkPolicies } });

describe('NetworkPolicies', () => {
  it('that select validators are named, with what a person should look at', () => {
    const policies = [policyWith({}, 'fence'), policyWith({ podSelector: {} }, 'all')];
    assert.match(
      found(...policies)['network-policies'] ?? '',
      /^skipped: stellar\/fence, stellar\/all: see that the rules let TCP 11625 in .*, and DNS out/,
    );
  });

  it('that select other pods, or are in other namespaces, cause no finding', () => {
    const others = { podSelector: { matchLabels: { app: 'x' } } };
    assert.deepEqual(found(policyWith(others), policyWith({}, 'fence', 'elsewhere')), {});
  });
});

describe('the HTTP port', () => {
  const peers = [{ namespace: 'stellar', name: 'b', ordinal: 0, connected: 1, expected: 2, synced: true }];
  const data = { 'networks.json': JSON.stringify([{ peers }]) };
  const parts = { configMaps: [{ metadata: { name: 'stellar-peers', namespace: 'stellar-peers' }, data }] };
  const open = (...networkPolicies: Fields[]) =>
    complaintsOf({ parts, facts: { networkPolicies } })['open-http-port'];
  const unguarded = /^warning: stellar\/b: any pod may use 11626/;

  it('causes a warning if the leader reaches the port, and no policy selects the pod', () => {
    assert.match(open() ?? '', unguarded);
    assert.equal(complaintsOf({})['open-http-port'], undefined);
  });

  it('is not protected by a policy for egress alone', () => {
    assert.match(open(policyWith({ policyTypes: ['Egress'] })) ?? '', unguarded);
    assert.equal(open(policyWith({ policyTypes: ['Ingress', 'Egress'] })), undefined);
    assert.equal(open(policyWith({})), undefined);
  });

  it('is a problem if a Service exposes the port outside the cluster', () => {
    const shownBy = (spec: object) => {
      const service = { metadata: { namespace: 'stellar', name: 'http' }, spec };
      return complaintsOf({ facts: { services: [service] } })['open-http-port'];
    };
    const selector = { 'app.kubernetes.io/instance': 'a' };
    const problem = 'problem: stellar/http shows 11626 to the outside of the cluster';
    for (const type of ['NodePort', 'LoadBalancer']) {
      assert.equal(shownBy({ type, selector, ports: [{ port: 11_626 }] }), problem);
      assert.equal(shownBy({ type, selector, ports: [{ port: 80, targetPort: 11_626 }] }), problem);
      assert.equal(shownBy({ type, selector, ports: [{ port: 11_626, targetPort: 11_625 }] }), undefined);
      assert.equal(shownBy({ type, selector: { app: 'x' }, ports: [{ port: 11_626 }] }), undefined);
    }
    assert.equal(shownBy({ type: 'ClusterIP', selector, ports: [{ port: 11_626 }] }), undefined);
  });
});
