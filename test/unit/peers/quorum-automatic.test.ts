import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { QuorumTree } from '../../../peers/core/quorum-tree.ts';
import { automaticText, type DomainText, problemOf, publicKey, setOf } from './quorum-texts.ts';

const domain = (name: string, quality: string, listed: number): DomainText => ({ name, quality, listed });
/** `2of3` for a domain; its sets in brackets for a set of sets. */
const shape = ({ threshold, validators, inner }: QuorumTree): string =>
  inner.length === 0
    ? `${threshold}of${validators}`
    : `${threshold}of${inner.length}[${inner.map(shape).join(' ')}]`;
const shapeOf = (domains: readonly DomainText[], home: string | undefined): string => {
  const set = setOf(automaticText(domains, home));
  assert.ok(set, String(problemOf(automaticText(domains, home))));
  return shape(set.tree);
};

describe('the quorum set that stellar-core builds from home domains', () => {
  it('needs a majority of each domain, the node itself counted', () => {
    const expected = ['1of1', '2of2', '2of3', '3of4', '3of5', '4of6', '4of7'];
    const found = expected.map((_, listed) => {
      const set = setOf(automaticText([domain('own', 'MEDIUM', listed)], 'own'));
      return set && shape(set.tree);
    });
    assert.deepEqual(
      found,
      expected.map((each) => `1of1[${each}]`),
    );
  });

  it('is as expected for a testnet like that of SDF: three validators of one domain', () => {
    // Two are listed beside the node itself, which is of the same domain.
    assert.equal(shapeOf([domain('testnet.example', 'HIGH', 2)], 'testnet.example'), '1of1[2of3]');
    const outsider = [domain('testnet.example', 'HIGH', 3), domain('own.example', 'MEDIUM', 0)];
    assert.equal(shapeOf(outsider, 'own.example'), '2of2[2of3 1of1[1of1]]');
  });

  it('is as expected for a pubnet like that of SDF: seven domains of three validators, one of them the own domain', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => `${name}.example`);
    const listed = names.map((name, index) => domain(name, 'HIGH', index === 3 ? 2 : 3));
    const set = setOf(automaticText(listed, 'd.example'));
    assert.equal(shapeOf(listed, 'd.example'), `5of7[${Array(7).fill('2of3').join(' ')}]`);
    assert.deepEqual([set?.tolerance, set?.leaves], [5, 21]);
    assert.deepEqual([set?.homeDomain, set?.ownDomain], ['d.example', { size: 3, threshold: 2 }]);
  });

  it('has each lower quality as one more entry of the next higher', () => {
    const four = [
      domain('l', 'LOW', 1),
      domain('m', 'MEDIUM', 2),
      domain('h', 'HIGH', 3),
      domain('c', 'CRITICAL', 3),
    ];
    assert.equal(shapeOf(four, 'm'), '2of2[2of3 2of2[2of3 2of2[2of3 1of1[1of1]]]]');
    const two = [domain('c1', 'CRITICAL', 3), domain('c2', 'CRITICAL', 3), domain('h', 'HIGH', 2)];
    assert.equal(shapeOf(two, 'h'), '3of3[2of3 2of3 1of1[2of3]]', 'all of the critical ones and all below');
  });

  it('is taken at its strictest if the text does not give the domain of the node', () => {
    const listed = [domain('a', 'HIGH', 3), domain('b', 'HIGH', 3), domain('c', 'HIGH', 2)];
    const set = setOf(automaticText(listed, undefined));
    assert.deepEqual([set?.leaves, set?.homeDomain, set?.ownDomain], [9, undefined, undefined]);
    assert.equal(set && shape(set.tree), '3of3[2of3 2of3 2of3]', 'c is too small without it');
    const loose = [domain('a', 'MEDIUM', 4), domain('b', 'MEDIUM', 2)];
    assert.equal(setOf(automaticText(loose, undefined))?.tolerance, 0, 'in a: b of two needs both');
  });

  it('uses the quality of each validator if its domain has none', () => {
    const own = 'NODE_HOME_DOMAIN="own"\n[[HOME_DOMAINS]]\nHOME_DOMAIN="own"\nQUALITY="MEDIUM"\n';
    const single = `[[VALIDATORS]]\nNAME="x"\nHOME_DOMAIN="x"\nQUALITY="LOW"\nPUBLIC_KEY="${publicKey(1)}"\n`;
    const set = setOf(own + single);
    assert.equal(set && shape(set.tree), '2of2[1of1 1of1[1of1]]');
  });
});

describe('an automatic quorum set that stellar-core would refuse', () => {
  const good = automaticText([domain('own', 'HIGH', 2)], 'own');
  const wrong = (change: (text: string) => string, expected: RegExp) =>
    assert.match(problemOf(change(good)) ?? 'read', expected);
  const replaced = (from: string | RegExp, to: string) => (text: string) => text.replace(from, to);

  it('is refused with the line and the mistake in that line', () => {
    assert.equal(problemOf(good), undefined);
    wrong(replaced('"HIGH"', '"HIHG"'), /^line 5: QUALITY "HIHG" is not known$/);
    wrong(replaced('QUALITY = "HIGH"', ''), /^line 3: .*without QUALITY$/);
    wrong(replaced('"own"\nQUALITY', '""\nQUALITY'), /^line 4: .*without HOME_DOMAIN$/);
    wrong(
      replaced('NODE_HOME_DOMAIN = "own"', 'NODE_HOME_DOMAIN = "other"'),
      /^line 1: no \[\[HOME_DOMAINS\]\] for "other"$/,
    );
    wrong(
      replaced('NODE_HOME_DOMAIN = "own"', 'NODE_HOME_DOMAIN = 7'),
      /^line 1: NODE_HOME_DOMAIN is no text$/,
    );
    wrong(replaced('NAME = "v1"', 'NAME = "v0"'), /^line 15: .* is named twice$/);
    wrong(replaced(publicKey(1), publicKey(0)), /^line 17: .* is named twice$/);
    wrong(replaced(publicKey(1), 'GARBLED'), /^line 17: "GARBLED" is no public key$/);
    wrong(replaced('ADDRESS = "v1', 'ADRESS = "v1'), /^line 18: "ADRESS" is not known/);
    wrong(
      replaced('NAME = "v1"', 'NAME = "v1"\nQUALITY = "HIGH"'),
      /^line 16: the quality of "own" is given twice$/,
    );
    wrong(
      (text) => `${text}[[HOME_DOMAINS]]\nHOME_DOMAIN="own"\nQUALITY="LOW"`,
      /^line 21: .* is given twice$/,
    );
    wrong((text) => `${text}[[HOME_DOMAINS`, /^line \d+: it is not TOML$/);
  });

  it('is refused if the domains are too small, all are LOW, or no validator is listed', () => {
    assert.match(
      problemOf(automaticText([domain('own', 'HIGH', 1)], 'own')) ?? '',
      /"own" of quality HIGH has 2/,
    );
    assert.match(
      problemOf(automaticText([domain('own', 'CRITICAL', 1)], undefined)) ?? '',
      /has 2 validators/,
    );
    assert.match(problemOf(automaticText([domain('own', 'LOW', 4)], 'own')) ?? '', /all .* LOW/);
    assert.match(problemOf('HOME_DOMAINS = []') ?? '', /no home domain/);
    for (const text of [
      'VALIDATORS = 7',
      'VALIDATORS = ["a"]',
      'VALIDATORS = []',
      '[VALIDATORS]',
      '[[VALIDATORS]]',
    ])
      assert.match(problemOf(text) ?? 'read', /^line 1: /, text);
  });

  it('is refused beside a manual set, unless the configuration allows stellar-core both', () => {
    const both = `[QUORUM_SET]\nVALIDATORS = ["$v0", "$v1", "$x", "$y"]\n`;
    assert.match(problemOf(good + both) ?? '', /^line 20: it has both /);
    assert.equal(setOf(`UNSAFE_QUORUM = true\n${good}${both}`)?.tolerance, 1);
    assert.equal(setOf(`UNSAFE_QUORUM = true\n${good}${both}`)?.ownDomain, undefined);
  });
});
