import assert from 'node:assert/strict';
import { test } from 'node:test';
import { define } from '../../cluster/definitions.ts';

test('a kind counts as served once it is established, also if its conditions are null at first', async () => {
  const established = { conditions: [{ type: 'Established', status: 'True' }] };
  const answers = [{ status: { conditions: null } }, {}, { status: established }];
  const kubectl = async ([verb]: readonly string[]) =>
    verb === 'get' ? JSON.stringify({ items: [{ status: established }, answers.shift()] }) : '';
  await define(kubectl, 'kinds.yaml');
  assert.deepEqual(answers, []);
});
