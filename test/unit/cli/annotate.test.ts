/** One annotation, put on objects and taken from them, and nothing else of them changed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { agreed, annotate } from '../../../cli/annotate.ts';
import type { Call } from '../../../cli/command.ts';
import { ProblemError, UsageError } from '../../../cli/exit.ts';
import { StellarNodes } from '../../../runtime/resources.ts';
import { MemoryKube } from '../stand-ins/memory-kube.ts';
import { FakeTerminal } from './fake-terminal.ts';

const NAME = 'stellar.org/peer-adopt';
const refs = ['a', 'b'].map((name) => ({ resource: StellarNodes, namespace: 'stellar', name }));

function cluster(): MemoryKube {
  const kube = new MemoryKube();
  const metadata = { namespace: 'stellar', uid: 'u' };
  kube.seed(StellarNodes, [
    { metadata: { ...metadata, name: 'a', annotations: { other: 'kept' } } },
    { metadata: { ...metadata, name: 'b' } },
  ]);
  return kube;
}

describe('an annotation', () => {
  it('goes beside others, or is the first; and goes away again, alone', async () => {
    const kube = cluster();
    const found = () => refs.map((ref) => kube.observe(ref)?.metadata.annotations);
    await annotate(kube, refs, { name: NAME, value: 'now' });
    assert.deepEqual(found(), [{ other: 'kept', [NAME]: 'now' }, { [NAME]: 'now' }]);
    await annotate(kube, refs, { name: NAME, value: undefined });
    assert.deepEqual(found(), [{ other: 'kept' }, {}]);
    await annotate(kube, refs, { name: NAME, value: undefined });
    assert.deepEqual(found(), [{ other: 'kept' }, {}], 'what is not there need not go');
  });

  it('cannot go on what is not there, and that is said', async () => {
    const ref = { resource: StellarNodes, namespace: 'stellar', name: 'c' };
    await assert.rejects(annotate(cluster(), [ref], { name: NAME, value: 'now' }), (error) => {
      assert.ok(error instanceof ProblemError);
      assert.equal(error.message, 'there is no StellarNode stellar/c');
      return true;
    });
  });
});

describe('what changes something', () => {
  const call = (terminal: FakeTerminal, yes = false): Call => ({
    ...{ args: [], flags: yes ? { yes } : {}, format: 'table', env: {}, terminal },
  });

  it('is shown first; goes on for yes, and for --yes without a question', async () => {
    const terminal = new FakeTerminal();
    terminal.answer = true;
    assert.equal(await agreed('this', call(terminal)), true);
    assert.deepEqual([terminal.err, terminal.asked.length], ['this\n', 1]);
    const quiet = new FakeTerminal();
    assert.equal(await agreed('this', call(quiet, true)), true);
    assert.deepEqual([quiet.err, quiet.asked], ['this\n', []]);
  });

  it('does not go on for no, and not where nobody could be asked', async () => {
    const terminal = new FakeTerminal();
    terminal.answer = false;
    assert.equal(await agreed('this', call(terminal)), false);
    assert.equal(terminal.err, 'this\nNothing was changed.\n');
    await assert.rejects(agreed('this', call(new FakeTerminal())), UsageError);
  });
});
