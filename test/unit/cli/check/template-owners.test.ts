import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { templateOwnersOf } from '../../../../cli/check/template-checks.ts';
import { complaintsOf } from './healthy.ts';

const entry = (manager: string, fields: object, subresource?: string) => ({
  manager,
  fieldsV1: { 'f:spec': { 'f:template': fields } },
  ...(subresource === undefined ? {} : { subresource }),
});
const WHOLE = { 'f:spec': { 'f:containers': { 'k:{"name":"stellar-node"}': { 'f:image': {} } } } };
const OURS = { 'f:metadata': { 'f:annotations': { 'f:stellar.org/peer-restart': {} } } };
const setWith = (...managedFields: unknown[]) => ({ metadata: { namespace: 'n', name: 'a', managedFields } });

describe('pod templates', () => {
  it('that a tool writes beside the operator are reported, with the tool and the StatefulSets', () => {
    const set = setWith(
      entry('stellar-operator', WHOLE),
      entry('stellar-peers', OURS),
      entry('argocd-controller', WHOLE),
    );
    assert.deepEqual(templateOwnersOf(set), [{ statefulSet: 'n/a', manager: 'argocd-controller' }]);
    const templateOwners = [{ statefulSet: 'stellar/a', manager: 'argocd-controller' }];
    assert.deepEqual(complaintsOf({ facts: { templateOwners } }), {
      'template-owners': 'warning: argocd-controller also writes those of stellar/a',
    });
  });

  it('with a single writer of any name cause no finding, nor do those of StatefulSets of others', () => {
    assert.deepEqual(
      templateOwnersOf(setWith(entry('my-operator', WHOLE), entry('stellar-peers', OURS))),
      [],
    );
    assert.deepEqual(complaintsOf({ facts: { templateOwners: [{ statefulSet: 'x/y', manager: 'm' }] } }), {});
  });

  it('are not judged if managedFields is no list of managers', () => {
    for (const odd of [undefined, null, 'text', [null, 1, { fieldsV1: 'text' }]]) {
      assert.deepEqual(templateOwnersOf({ metadata: { managedFields: odd } }), []);
    }
    assert.deepEqual(templateOwnersOf({}), []);
  });
});
