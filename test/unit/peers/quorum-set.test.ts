import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { publicKey as key, toleranceOf } from './quorum-texts.ts';

const EXAMPLE = new URL('../../../examples/three-validators/validators.yaml', import.meta.url);
const keys = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, index) => key(from + index));
const list = (entries: readonly string[]): string => `VALIDATORS = ${JSON.stringify(entries)}`;
const table = (name: string, percent: number | undefined, entries: readonly string[] = []): string =>
  [
    `[${name}]`,
    percent === undefined ? '' : `THRESHOLD_PERCENT = ${percent}`,
    entries.length > 0 ? list(entries) : '',
  ].join('\n');
const flat = (count: number, percent?: number): string => table('QUORUM_SET', percent, keys(count));
const ofThree = (name: string, percent: number, from: number): string =>
  table(`QUORUM_SET.${name}`, percent, keys(3, from));

describe('how many validators a quorum set can miss', () => {
  it('is the number that the rounded-up threshold leaves over', () => {
    const expected: [number, number, number][] = [
      [1, 1, 0],
      [1, 100, 0],
      [3, 67, 0],
      [3, 66, 1],
      [3, 33, 2],
      [4, 67, 1],
      [4, 75, 1],
      [4, 76, 0],
      [5, 80, 1],
      [7, 67, 2],
      [10, 1, 9],
      [100, 67, 33],
    ];
    for (const [count, percent, tolerance] of expected)
      assert.equal(toleranceOf(flat(count, percent)), tolerance, `${count} at ${percent} percent`);
  });

  it('counts the validator itself, named keys and aliases', () => {
    const entries = ['$self', `${key(1)} first`, `${key(2)}  third and more`, '$sdf_1', `  ${key(3)} `];
    assert.equal(toleranceOf(table('QUORUM_SET', 60, entries)), 2);
  });

  it('is read from the quorum sets of the examples', () => {
    const source = readFileSync(EXAMPLE, 'utf8');
    const texts = parseAllDocuments(source).map((document) =>
      document.getIn(['spec', 'validatorConfig', 'quorumSet']),
    );
    const sets = texts.filter((text): text is string => typeof text === 'string');
    assert.ok(sets.length >= 3);
    assert.deepEqual(new Set(sets.map(toleranceOf)), new Set([1]));
  });

  it('does not depend on any other text', () => {
    const before = 'UNSAFE_QUORUM = true\nFAILURE_SAFETY = 1\n';
    const after = '\n[HISTORY.a]\nget = "cp {0} {1}"\n[[VALIDATORS]]\nNAME = "x"\n';
    assert.equal(toleranceOf(before + flat(4) + after), 1);
  });

  it('is read from inline sets, in any order, and nested', () => {
    const inLine = `QUORUM_SET = { THRESHOLD_PERCENT = 66, ${list(keys(2))}, x = { ${list(keys(4, 9))} } }`;
    assert.equal(toleranceOf(inLine), 1);
    const order = [ofThree('b.c', 66, 3), ofThree('b', 60, 0), table('QUORUM_SET', 100)].join('\n');
    assert.equal(toleranceOf(order), 1, 'two of the four in b: two of its own keys');
  });
});

describe('a quorum set that stellar-core would refuse', () => {
  const unreadable = (texts: readonly string[]) => {
    for (const text of texts) assert.equal(toleranceOf(text), undefined, text.slice(0, 200));
  };
  const [a, b, c] = keys(3);

  it('is unreadable without the table, or without a member in it', () => {
    unreadable(['', ' \n', 'null', '{}', 'QUORUM_SET', '{"QUORUM_SET": {}}', '[QUORUM_SET', '[quorum_set]']);
    unreadable(['[QUORUM_SET]', '[QUORUM_SET]\nTHRESHOLD_PERCENT=67', '[QUORUM_SET]\nVALIDATORS=[]']);
    unreadable([`THRESHOLD_PERCENT = 66\n${list(keys(3))}`, `[OTHER]\n${list(keys(3))}`]);
    unreadable([`${flat(3, 66)}\n[QUORUM_SET.1]`, `${flat(3, 66)}\n[QUORUM_SET.1.2]\nVALIDATORS=[]`]);
    unreadable([`[[QUORUM_SET]]\n${list(keys(3))}`, 'QUORUM_SET = 66', 'QUORUM_SET = 2026-11-23']);
  });

  it('is unreadable if a value has another type', () => {
    const percents = [
      '0',
      '101',
      '-67',
      '67.0',
      '66.6',
      '"67"',
      'true',
      '[67]',
      'nan',
      '6.7e1',
      '{}',
      '2026-01-01',
    ];
    unreadable(percents.map((percent) => `[QUORUM_SET]\nTHRESHOLD_PERCENT=${percent}\n${list(keys(3))}`));
    const lists = [`"${a}"`, '3', 'true', '{}', '[1]', `["${a}", 2]`, `[["${a}"]]`, '[{}]', '[true]'];
    unreadable(lists.map((value) => `[QUORUM_SET]\nVALIDATORS=${value}`));
    const others = ['x = 1', 'x = "y"', 'x = []', 'THRESHOLD = 2', 'validators = ["$b"]', 'x = 2026-01-01'];
    unreadable(others.map((other) => `${flat(3, 66)}\n${other}`));
    unreadable([`${flat(3, 66)}\n[[QUORUM_SET.1]]\n${list(keys(3, 5))}`]);
  });

  it('is unreadable if an entry names no validator', () => {
    const entries = ['', ' ', '$', '$ self', '$a b', 'self', '@a', 'G', `${a}A`, String(a).slice(1), ` $x`];
    const bad = [...entries, String(a).toLowerCase(), `S${String(a).slice(1)}`, `${a}#name`];
    unreadable(bad.map((entry) => table('QUORUM_SET', 66, [String(b), entry, String(c)])));
  });

  it('is unreadable if a validator is named twice, in any set and by any name', () => {
    const twice = [
      [`${a}`, `${a}`],
      ['$self', '$self'],
      [`${a} x`, '$x'],
      ['$x', `${a} x`],
      [`${a} x`, `${b} x`],
    ];
    unreadable([...twice, [`${a} x`, `${a} y`]].map((entries) => table('QUORUM_SET', 66, entries)));
    unreadable([`${flat(3, 66)}\n${table('QUORUM_SET.1', 66, [key(7), key(2)])}`]);
    unreadable([`${table('QUORUM_SET.1', 66, [key(2)])}\n${table('QUORUM_SET.2', 66, [key(2)])}`]);
    unreadable([`${flat(3, 66)}\n${flat(3, 66)}`, `${flat(3, 66)}\nTHRESHOLD_PERCENT=66`]);
  });

  it('is unreadable if sets are nested more than four deep', () => {
    const nested = (levels: number) => table(`QUORUM_SET${'.x'.repeat(levels)}`, 66, keys(3));
    assert.equal(toleranceOf(nested(4)), 1);
    unreadable([nested(5), nested(30_000), `QUORUM_SET = ${'{x='.repeat(20_000)}`, '['.repeat(60_000)]);
  });

  it('is unreadable above a thousand validators or 64 KiB', () => {
    const aliases = (count: number) => Array.from({ length: count }, (_, index) => `$${index}`);
    assert.equal(toleranceOf(table('QUORUM_SET', 67, aliases(1000))), 330);
    unreadable([table('QUORUM_SET', 67, aliases(1001))]);
    unreadable([[table('QUORUM_SET', 67, aliases(600)), table('QUORUM_SET.x', 67, keys(401))].join('\n')]);
    const padded = (length: number) => `${flat(3, 66)}\n`.padEnd(length, '\n');
    assert.equal(toleranceOf(padded(64 * 1024)), 1);
    unreadable([padded(64 * 1024 + 1)]);
  });

  it('cannot use inherited properties of JavaScript objects', () => {
    unreadable(['constructor = 1', '[constructor]\nQUORUM_SET = 1', '[toString]', '[__proto__.QUORUM_SET]']);
    unreadable([`[__proto__.QUORUM_SET]\n${list(keys(3))}`, `[__proto__]\n${list(keys(3))}\n[QUORUM_SET]`]);
    unreadable([`[QUORUM_SET.__proto__]\nTHRESHOLD_PERCENT=66`, `${flat(3)}\n__proto__ = 1`]);
    const odd = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    const sets = odd.map((name, index) => ofThree(name, 66, 3 * index)).join('\n');
    assert.equal(toleranceOf(sets), 3, 'they are sets like any other');
    assert.equal(toleranceOf('[QUORUM_SET]\nVALIDATORS=["$__proto__","$constructor","$toString","$x"]'), 1);
    assert.equal(({} as Record<string, unknown>).VALIDATORS, undefined);
  });
});
