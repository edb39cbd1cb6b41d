/** Data for programs. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { yamlOf } from '../../../cli/output.ts';

describe('YAML for kubectl', () => {
  it('has quotes around words that Kubernetes would read as true or false, and around numbers', () => {
    const values = { a: 'off', b: 'on', c: 'yes', d: 'No', e: '012', f: 'auto' };
    assert.equal(yamlOf(values), 'a: "off"\nb: "on"\nc: "yes"\nd: "No"\ne: "012"\nf: auto\n');
  });
});
