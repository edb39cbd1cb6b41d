/** What `stellar-peers check` says of NetworkPolicies over validators, and of HTTP ports that are open. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Fields } from '../../../../peers/field.ts';
import { networkParts } from '../../reconciler/group.ts';
import { node } from '../../world.ts';
import { type Change, complaintsOf, policyWith, service } from './healthy.ts';

const VALIDATORS = { podSelector: { matchLabels: { 'stellar.org/node-type': 'Validator' } } };
const PEERS = { ports: [{ port: 11_625, protocol: 'TCP' }] };
const DNS = { ports: [{ port: 53, protocol: 'UDP' }] };
const fenced = (...specs: Array<Record<string, unknown>>) =>
  complaintsOf({
    facts: { networkPolicies: specs.map((spec, index) => policyWith(spec, `fence-${index + 1}`)) },
  });
const ingress = (...rules: object[]) => ({ policyTypes: ['Ingress'], ingress: rules });
const egress = (...rules: object[]) => ({ policyTypes: ['Egress'], egress: rules });

describe('ingress from peers', () => {
  const said = {
    'peer-ingress':
      'problem: stellar/b does not reach stellar/a on 11625: no rule of stellar/fence-1 allows it; ' +
      'the same for 2 more',
  };

  it('is cut off by a policy that does not allow 11625', () => {
    assert.deepEqual(fenced(ingress()), said);
    assert.deepEqual(fenced(ingress({ ports: [{ port: 11_626, protocol: 'TCP' }] })), said);
    assert.deepEqual(fenced(ingress({ ports: [{ port: 11_625, protocol: 'UDP' }] })), said);
  });

  it('is cut off by one that allows it for others only', () => {
    assert.deepEqual(
      fenced(ingress({ ...PEERS, from: [{ podSelector: { matchLabels: { app: 'x' } } }] })),
      said,
    );
    const elsewhere = { namespaceSelector: { matchLabels: { team: 'other' } }, ...VALIDATORS };
    assert.deepEqual(fenced(ingress({ ...PEERS, from: [elsewhere] })), said);
  });

  it('is let through by any rule of any policy that allows it', () => {
    assert.deepEqual(fenced(ingress({})), {});
    assert.deepEqual(fenced(ingress(PEERS)), {});
    assert.deepEqual(fenced(ingress({ ...PEERS, from: [VALIDATORS] })), {});
    assert.deepEqual(fenced(ingress({ ...PEERS, from: [{ namespaceSelector: {} }] })), {});
    assert.deepEqual(fenced(ingress({ ports: [{ port: 11_600, endPort: 11_700, protocol: 'TCP' }] })), {});
    assert.deepEqual(fenced(ingress(), ingress(PEERS)), {});
  });

  it('counts as let through where it cannot be told', () => {
    assert.deepEqual(fenced(ingress({ ports: [{ port: 'peer', protocol: 'TCP' }] })), {});
    assert.deepEqual(fenced(ingress({ ...PEERS, from: [{ ipBlock: { cidr: '10.0.0.0/8' } }] })), {});
  });

  it('is asked for on the port that the validator has, not on the usual one', () => {
    const networkPolicies = [policyWith(ingress(PEERS))];
    const moved = { node: { annotations: { 'stellar.org/peer-port': '11725' } } };
    const found = complaintsOf({ specs: { a: moved, b: {}, c: {} }, facts: { networkPolicies } });
    assert.match(found['peer-ingress'] ?? '', /stellar\/b does not reach stellar\/a on 11725/);
  });

  it('is no concern of policies over other pods, or of other namespaces', () => {
    assert.deepEqual(fenced({ ...ingress(), podSelector: { matchLabels: { app: 'x' } } }), {});
    const one = { ...ingress(), podSelector: { matchLabels: { 'app.kubernetes.io/instance': 'b' } } };
    assert.deepEqual(fenced(one), {
      'peer-ingress':
        'problem: stellar/a does not reach stellar/b on 11625: no rule of stellar/fence-1 allows it',
    });
  });

  it('is told by namespace: of the policy, and of the client', () => {
    const { nodes = [] } = networkParts({ a: {}, b: {}, c: {} });
    const spec = { network: 'custom', customNetworkPassphrase: 'test net' };
    const parts = { nodes: [...nodes, node('d', { namespace: 'other', spec })] };
    const saidOf = (policy: Fields) =>
      complaintsOf({ parts, facts: { networkPolicies: [policy] } })['peer-ingress'];
    const from = (peer: object) => ingress({ ...PEERS, from: [peer] });
    assert.match(
      saidOf(policyWith(from({ podSelector: {} }))) ?? '',
      /^problem: other\/d does not reach stellar\/a on 11625: no rule of stellar\/fence/,
      'as the operator makes it for spec.networkPolicy.enabled',
    );
    assert.equal(saidOf(policyWith(from({ ipBlock: { cidr: '10.0.0.0/8' } }))), undefined);
    assert.equal(saidOf(policyWith(from({ namespaceSelector: {} }))), undefined);
    const there = policyWith({ ...ingress(), podSelector: {} }, 'fence', 'other');
    assert.match(saidOf(there) ?? '', /^problem: stellar\/a does not reach other\/d/);
  });

  it('is restricted by a policy without policyTypes', () => {
    assert.deepEqual(fenced({ ingress: [] }), said);
  });
});

describe('egress to peers and names', () => {
  it('needs 11625 and 53', () => {
    const found = fenced(egress());
    assert.match(found['peer-egress'] ?? '', /^problem: stellar\/a does not reach stellar\/b on 11625/);
    assert.equal(
      found['dns-egress'],
      'problem: stellar/a, stellar/b, stellar/c: no rule of stellar/fence-1 allows UDP 53',
    );
    assert.deepEqual(Object.keys(fenced(egress(DNS))), ['peer-egress']);
    assert.deepEqual(Object.keys(fenced(egress(PEERS))), ['dns-egress']);
    assert.deepEqual(fenced(egress(PEERS, DNS)), {});
    assert.deepEqual(fenced(egress({ ...PEERS, to: [VALIDATORS] }), egress(DNS)), {});
    assert.deepEqual(
      Object.keys(fenced(egress({ ...PEERS, to: [{ podSelector: { matchLabels: { x: 'y' } } }] }, DNS))),
      ['peer-egress'],
    );
  });
});

describe('DNS', () => {
  const said = (port?: number, protocol = 'UDP') =>
    fenced(egress(PEERS, { ports: [{ ...(port === undefined ? {} : { port }), protocol }] }))['dns-egress'];

  it('may be let out to the port where its pods listen, which policies see behind the Service', () => {
    // CoreDNS as it comes; OpenShift's and Gardener's.
    for (const port of [53, 5353, 8053]) assert.equal(said(port), undefined, `${port}`);
    assert.equal(said(), undefined);
  });

  it('is cut off where only other ports are let out, or TCP alone', () => {
    for (const wrong of [said(123), said(5353, 'TCP')])
      assert.match(wrong ?? '', /^problem: .* allows UDP 53$/);
  });
});

describe('the HTTP port', () => {
  const shown = service('a-http', {
    selector: { 'app.kubernetes.io/instance': 'a' },
    ports: [{ port: 80, targetPort: 11_626 }],
  });
  const three = ['a', 'b', 'c'].map((name) => service(`${name}-headless`));
  const open = (facts: Change['facts'] = {}, spec: object = {}) =>
    complaintsOf({
      parts: { services: [...three, { ...shown, spec: { ...(shown.spec as object), ...spec } }] },
      facts,
    })['open-http-port'];

  it('that a Service leads to, with no policy over the pod, is warned of', () => {
    assert.match(open() ?? '', /^warning: stellar\/a: any pod may use 11626/);
    assert.equal(open({}, { selector: { app: 'x' } }), undefined);
    assert.equal(open({}, { selector: undefined }), undefined);
    assert.equal(open({}, { ports: [{ port: 11_626, targetPort: 80 }] }), undefined);
  });

  it('of a validator that is suspended does not count', () => {
    const asleep = { node: { spec: { suspended: true } }, pod: 'none' as const };
    const specs = { a: asleep, b: { knows: ['c'] }, c: { knows: ['b'] } };
    assert.equal(
      complaintsOf({ specs, parts: { services: [...three, shown] } })['open-http-port'],
      undefined,
    );
  });

  it('that the leader has reached is open too', () => {
    const peers = [{ namespace: 'stellar', name: 'b', ordinal: 0, connected: 1, expected: 2, synced: true }];
    const data = { 'networks.json': JSON.stringify([{ peers }]) };
    const overview = { metadata: { name: 'stellar-peers', namespace: 'stellar-peers' }, data };
    const found = complaintsOf({ parts: {}, facts: {} });
    assert.equal(found['open-http-port'], undefined);
    const parts = { configMaps: [overview] };
    assert.match(complaintsOf({ parts })['open-http-port'] ?? '', /^warning: stellar\/b: /);
  });

  it('is guarded by a policy that lets only some in', () => {
    const guard = ingress(PEERS, {
      ports: [{ port: 11_626, protocol: 'TCP' }],
      from: [{ namespaceSelector: {}, podSelector: { matchLabels: { app: 'stellar-peers' } } }],
    });
    assert.equal(open({ networkPolicies: [policyWith(guard)] }), undefined);
    const ports = [{ port: 11_626, protocol: 'TCP' }];
    for (const from of [
      undefined,
      [{ namespaceSelector: {} }],
      [{ namespaceSelector: {}, podSelector: {} }],
      [{ ipBlock: { cidr: '0.0.0.0/0' } }],
    ]) {
      const hole = ingress(PEERS, { ports, from });
      assert.match(open({ networkPolicies: [policyWith(hole)] }) ?? '', /^warning: stellar\/a/);
    }
  });

  it('that is shown to the outside of the cluster is a problem', () => {
    for (const type of ['NodePort', 'LoadBalancer'])
      assert.equal(open({}, { type }), 'problem: stellar/a-http shows 11626 to the outside of the cluster');
  });
});
