import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MERGE_SCRIPT } from '../../../peers/merge-script.ts';
import { CORE_CONFIGS, UNSURE_CONFIGS } from './core-configs.ts';
import { expected, FILE, lines, toml, underEachShell, withVolumes } from './merge-runs.ts';
import { documents } from './toml-documents.ts';

const KEYS = ['KNOWN_PEERS', 'PREFERRED_PEERS'];

describe('a merged configuration', () => {
  it('is expected where a parser of TOML 1.0 agrees with the table', () => {
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
    for (const { name, text, taken } of CORE_CONFIGS) {
      withVolumes({ [FILE]: text }, (volumes) => {
        const run = volumes.run(shell);
        const wanted = expected(text, taken);
        assert.deepEqual([run.status, run.outcome], [0, wanted.outcome], `${name}: ${run.said}`);
        assert.equal(volumes.read().toString(), wanted.text, name);
        if (wanted.content) assert.deepEqual(toml(volumes.read()), wanted.content, name);
      });
    }
  });

  underEachShell('is not made of a text that cannot be read with certainty', (shell) => {
    for (const [name, text] of UNSURE_CONFIGS) {
      withVolumes({ [FILE]: text }, (volumes) => {
        const { status, outcome } = volumes.run(shell);
        assert.equal(status, 0, name);
        assert.match(outcome ?? '', /^MergeFailed .*TOML/, name);
        assert.equal(volumes.read().toString(), text, name);
      });
    }
  });

  underEachShell(
    'says what any original says and the peers, whatever its strings and lists hold',
    (shell) => {
      fc.assert(
        fc.property(documents, fc.constantFrom('auto', ...KEYS), (text, key) =>
          withVolumes({ [FILE]: text }, (volumes) => {
            const top = Object.keys(toml(text));
            const wanted = expected(
              text,
              KEYS.filter((name) => top.includes(name)),
              key,
            );
            const { outcome } = volumes.run(shell, { key });
            assert.equal(outcome, wanted.outcome);
            assert.equal(volumes.read().toString(), wanted.text);
            if (wanted.content) assert.deepEqual(toml(volumes.read()), wanted.content);
          }),
        ),
        { numRuns: 100 },
      );
    },
  );

  underEachShell('has at most 8 preferred peers', (shell) => {
    const many = Array.from({ length: 40 }, (_, index) => `v-${index}:11625`);
    const merged = (original: string, key: string) =>
      withVolumes(
        { [FILE]: original },
        (volumes) => [volumes.run(shell, { key }).outcome, toml(volumes.read())],
        lines(many),
      );
    const eight = { PREFERRED_PEERS: many.slice(0, 8) };
    assert.deepEqual(merged('', 'auto'), ['Merged KNOWN_PEERS 40', { KNOWN_PEERS: many }]);
    assert.deepEqual(merged('', 'PREFERRED_PEERS'), ['Merged PREFERRED_PEERS 8', eight]);
    assert.deepEqual(merged('KNOWN_PEERS=[]', 'auto'), [
      'Merged PREFERRED_PEERS 8',
      { KNOWN_PEERS: [], ...eight },
    ]);
  });

  underEachShell('keeps the bytes of the original, those that are no text as well', (shell) => {
    const bytes = Buffer.concat([
      Buffer.from('A=1\n[T]\n'),
      Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
    ]);
    for (const original of [bytes, Buffer.concat([Buffer.from('\uFEFF# ā\u0081…\n'), bytes])]) {
      withVolumes({ [FILE]: original }, (volumes) => {
        assert.equal(volumes.run(shell).outcome, 'Merged KNOWN_PEERS 3');
        const rest = volumes.read().subarray(volumes.read().indexOf(']\n') + 2);
        assert.deepEqual(rest, original.subarray(original[0] === 0xef ? 3 : 0));
      });
    }
  });

  underEachShell('takes seconds for 1 MiB, and for a line of 24 KiB', (shell) => {
    const one = `NODE_${'x'.repeat(20)}=["${'a'.repeat(30)} [#] \\" '", 'b#', """c"""] # ${'d'.repeat(40)}\n`;
    for (const original of [one.repeat(8000), one.replaceAll('\n', '').repeat(190)]) {
      withVolumes({ [FILE]: original }, (volumes) => {
        const { outcome, tookMs } = volumes.run(shell);
        assert.equal(outcome, 'Merged KNOWN_PEERS 3');
        assert.ok(tookMs < 15_000, `${original.length} bytes took ${tookMs} ms`);
      });
    }
  });
});

describe('the merge script', () => {
  it('is short, and has nothing in it that Kubernetes would expand or that needs a disk', () => {
    assert.ok(Buffer.byteLength(MERGE_SCRIPT) < 5 * 1024);
    assert.match(MERGE_SCRIPT, /^[\n -~]+$/);
    assert.doesNotMatch(MERGE_SCRIPT, /\$\(|\$\$|`|<</);
  });
});
