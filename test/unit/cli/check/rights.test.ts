/** The rights that `stellar-peers check` asks for are those of the manifests. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSettings } from '../../../../app/settings.ts';
import { accountRights, reviewOf, rightText } from '../../../../cli/check/rights.ts';
import type { KubeObject } from '../../../../runtime/kube/port.ts';
import { rightsIn } from '../../../cluster/rights.ts';
import { objectsOf } from './healthy.ts';

const objects = objectsOf('manifests/base/rbac.yaml') as unknown as KubeObject[];
const texts = (rights: ReturnType<typeof accountRights>) => rights.map(rightText).sort();

describe('the rights', () => {
  it('of our ServiceAccount are exactly those that rbac.yaml grants', () => {
    assert.deepEqual(texts(accountRights(readSettings({}))), texts(rightsIn(objects)));
  });

  it('are asked for in the watched namespaces only, and without the Secret where certificates are mounted', () => {
    const narrow = texts(accountRights(readSettings({ WATCH_NAMESPACES: 'one,two', CERT_DIR: '/tls' })));
    const [role] = objectsOf('manifests/namespaced/validators.yaml') as unknown as [{ rules: unknown[] }];
    const roles = [
      { kind: 'ClusterRole', metadata: { name: 'r' }, rules: role.rules },
      ...['one', 'two'].map((namespace) => ({
        kind: 'RoleBinding',
        metadata: { name: namespace, namespace },
        roleRef: { kind: 'ClusterRole', name: 'r' },
      })),
    ] as unknown as KubeObject[];
    for (const right of texts(rightsIn(roles))) assert.ok(narrow.includes(right), right);
    assert.ok(narrow.includes('list namespaces one') && !narrow.includes('list namespaces'));
    assert.ok(narrow.includes('patch configmaps stellar-peers in stellar-peers'));
    assert.deepEqual(
      narrow.filter((right) => right.includes('secrets') || / in (?!one|two|stellar-peers)/.test(right)),
      [],
    );
  });

  it('are asked for the ServiceAccount with its groups', () => {
    const [right] = accountRights(readSettings({}));
    assert.ok(right);
    assert.deepEqual(reviewOf(right, 'home').spec, {
      user: 'system:serviceaccount:home:stellar-peers',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:home', 'system:authenticated'],
      resourceAttributes: right,
    });
  });
});
