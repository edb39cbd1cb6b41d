import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MERGE_SCRIPT } from '../../../peers/injection/merge-script.ts';
import { CORE_CONFIGS, UNSURE_CONFIGS } from './core-configs.ts';
import { expected, lines, type Merged, mergeEach, toml } from './merge-runs.ts';
import { underEachShell, underOneShell } from './merge-shells.ts';
import { documents } from './toml-documents.ts';

const KEYS = ['KNOWN_PEERS', 'PREFERRED_PEERS'];

function at(merged: readonly Merged[], index: number): Merged {
  const found = merged[index];
  assert.ok(found);
  return found;
}

describe('a merged configuration', () => {
  it('is expected with the keys that a TOML 1.0 parser finds', () => {
    for (const { name, text, taken } of CORE_CONFIGS) {
      const top = Object.keys(toml(text));
      assert.deepEqual(
        KEYS.filter((key) => top.includes(key)),
        taken,
        name,
      );
    }
  });

  underEachShell('says what the original says and the peers, at its top level', (shell) => {
    const merged = mergeEach(shell, CORE_CONFIGS);
    assert.equal(merged.length, CORE_CONFIGS.length);
    for (const [index, { name, text, taken }] of CORE_CONFIGS.entries()) {
      const wanted = expected(text, taken);
      const { status, outcome, said, file } = at(merged, index);
      assert.deepEqual([status, outcome], [0, wanted.outcome], `${name}: ${said}`);
      assert.equal(file.toString(), wanted.text, name);
      if (wanted.content) assert.deepEqual(toml(file), wanted.content, name);
    }
  });

  underEachShell('is not made of a text that cannot be read with certainty', (shell) => {
    const merged = mergeEach(
      shell,
      UNSURE_CONFIGS.map(([, text]) => ({ text })),
    );
    for (const [index, [name, text]] of UNSURE_CONFIGS.entries()) {
      const { status, outcome, file } = at(merged, index);
      assert.equal(status, 0, name);
      assert.match(outcome ?? '', /^MergeFailed .*TOML/, name);
      assert.equal(file.toString(), text, name);
    }
  });

  underOneShell('says what any original says and the peers, whatever its strings and lists hold', (shell) => {
    const originals = fc.tuple(documents, fc.constantFrom('auto', ...KEYS));
    const merge = (all: ReadonlyArray<[text: string, key: string]>) =>
      mergeEach(
        shell,
        all.map(([text, key]) => ({ text, asked: { key } })),
      );
    // All cases run in one process. Further cases only shrink a failure.
    const parameters = { seed: randomInt(2 ** 31), numRuns: 100 };
    const drawn = fc.sample(originals, parameters);
    const ready = new Map(merge(drawn).map((merged, index) => [JSON.stringify(drawn[index]), merged]));
    fc.assert(
      fc.property(originals, (original) => {
        const [text, key] = original;
        const top = Object.keys(toml(text));
        const wanted = expected(
          text,
          KEYS.filter((name) => top.includes(name)),
          key,
        );
        const { outcome, file } = ready.get(JSON.stringify(original)) ?? at(merge([original]), 0);
        assert.equal(outcome, wanted.outcome);
        assert.equal(file.toString(), wanted.text);
        if (wanted.content) assert.deepEqual(toml(file), wanted.content);
      }),
      parameters,
    );
  });

  underEachShell('has at most 8 preferred peers', (shell) => {
    const many = Array.from({ length: 40 }, (_, index) => `v-${index}:11625`);
    const peers = lines(many);
    const merged = mergeEach(shell, [
      { text: '', peers, asked: { key: 'auto' } },
      { text: '', peers, asked: { key: 'PREFERRED_PEERS' } },
      { text: 'KNOWN_PEERS=[]', peers, asked: { key: 'auto' } },
    ]);
    const eight = { PREFERRED_PEERS: many.slice(0, 8) };
    assert.deepEqual(
      merged.map(({ outcome, file }) => [outcome, toml(file)]),
      [
        ['Merged KNOWN_PEERS 40', { KNOWN_PEERS: many }],
        ['Merged PREFERRED_PEERS 8', eight],
        ['Merged PREFERRED_PEERS 8', { KNOWN_PEERS: [], ...eight }],
      ],
    );
  });

  underEachShell('keeps the bytes of the original, those that are no text as well', (shell) => {
    const bytes = Buffer.concat([
      Buffer.from('A=1\n[T]\n'),
      Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
    ]);
    const marked = Buffer.concat([Buffer.from('\uFEFF# ā\u0081…\n'), bytes]);
    const merged = mergeEach(shell, [{ text: bytes }, { text: marked }]);
    for (const [index, rest] of [bytes, marked.subarray(3)].entries()) {
      const { outcome, file } = at(merged, index);
      assert.equal(outcome, 'Merged KNOWN_PEERS 3');
      assert.deepEqual(file.subarray(file.indexOf(']\n') + 2), rest);
    }
  });

  underOneShell('takes seconds for 1 MiB, and for a line of 24 KiB', (shell) => {
    const one = `NODE_${'x'.repeat(20)}=["${'a'.repeat(30)} [#] \\" '", 'b#', """c"""] # ${'d'.repeat(40)}\n`;
    const originals = [one.repeat(8000), one.replaceAll('\n', '').repeat(190)].map((text) => ({ text }));
    for (const { outcome, processorMs, file } of mergeEach(shell, originals)) {
      assert.equal(outcome, 'Merged KNOWN_PEERS 3');
      assert.ok(processorMs < 15_000, `${file.length} bytes took ${processorMs} ms of the processor`);
    }
  });
});

describe('the merge script', () => {
  it('is short, and has no text that Kubernetes would expand or that needs a disk', () => {
    assert.ok(Buffer.byteLength(MERGE_SCRIPT) < 5 * 1024);
    assert.match(MERGE_SCRIPT, /^[\n -~]+$/);
    assert.doesNotMatch(MERGE_SCRIPT, /\$\(|\$\$|`|<</);
  });
});
