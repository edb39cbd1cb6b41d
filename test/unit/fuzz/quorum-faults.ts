/**
 * Quorum sets with one fault on a line that is known, among comments, spacing, quotes and names that look like other
 * parts of the text. Owns how such texts are drawn; that the reason names the line is the test's own.
 */
import fc from 'fast-check';
import { publicKey } from '../peers/quorum-texts.ts';

/** A text that stellar-core would refuse, the lines that may be named for it, and what is said. */
export interface Faulty {
  readonly text: string;
  readonly lines: readonly number[];
  readonly said: RegExp;
}

/** One `KEY = value` of a table; marked where it is the fault. */
interface Field {
  readonly key: string;
  readonly value: string;
  readonly isFault?: boolean;
}
interface Table {
  readonly header: string;
  readonly fields: readonly Field[];
  /** True where the header is what may be named. */
  readonly isFault?: boolean;
}
interface Draft {
  readonly tables: readonly Table[];
  readonly said: RegExp;
}

/** Names that are parts of each other, of keys and of values. */
const NAMES = ['a', 'aa', 'HIGH', 'QUALITY', 'VALIDATORS', 'own', 'own.example', 'HOME_DOMAIN', 'E', '='];
const DECOYS = [
  '# [QUORUM_SET] THRESHOLD_PERCENT = 67 VALIDATORS = ["$a"]',
  '# [[VALIDATORS]] NAME="a" PUBLIC_KEY="GARBLED" QUALITY = "LOW"',
  '  # [[HOME_DOMAINS]] HOME_DOMAIN = "" QUALITY = "BEST"',
  '',
  '\t',
];
const text = (value: string): string => JSON.stringify(value);
const field = (key: string, value: string): Field => ({ key, value });

const domainTable = (name: string, quality: string): Table => ({
  header: '[[HOME_DOMAINS]]',
  fields: [field('HOME_DOMAIN', text(name)), field('QUALITY', text(quality))],
});
const validatorTable = (index: number, domain: string): Table => ({
  header: '[[VALIDATORS]]',
  fields: [
    field('NAME', text(`v${index}`)),
    field('HOME_DOMAIN', text(domain)),
    field('PUBLIC_KEY', text(publicKey(index))),
    field('ADDRESS', text(`v${index}.QUALITY.example`)),
    field('HISTORY', text(`curl -sf https://v${index}.QUALITY.example/{0} -o {1}`)),
  ],
});

/** Three validators of each of these domains. */
const automatic = (names: readonly string[]): Table[] => [
  ...names.map((name) => domainTable(name, 'HIGH')),
  ...names.flatMap((name, at) => [0, 1, 2].map((index) => validatorTable(3 * at + index, name))),
];

const without = (table: Table, key: string): Table => ({
  ...table,
  fields: table.fields.filter((each) => each.key !== key),
});
/** The table with this field in the place of its own, or behind all. */
function faulty(table: Table, key: string, value: string): Table {
  const fault = { key, value, isFault: true };
  const has = table.fields.some((each) => each.key === key);
  const fields = table.fields.map((each) => (each.key === key ? fault : each));
  return { ...table, fields: has ? fields : [...fields, fault] };
}

type Change = readonly [said: RegExp, change: (table: Table) => Table];
const setTo = (key: string, value: string, said: RegExp): Change => [said, (t) => faulty(t, key, value)];
const lacking = (key: string): Change => [
  new RegExp(`without ${key}$`),
  (table) => ({ ...without(table, key), isFault: true }),
];

const OF_A_DOMAIN: readonly Change[] = [
  setTo('QUALITY', '"BEST"', /QUALITY "BEST" is not known/),
  setTo('QUALITY', '"E"', /QUALITY "E" is not known/),
  setTo('QUALITY', '""', /without QUALITY/),
  setTo('QUALITY', '1', /without QUALITY/),
  setTo('HOME_DOMAIN', '""', /without HOME_DOMAIN/),
  setTo('HOME_DOMAIN', '["a"]', /without HOME_DOMAIN/),
  setTo('QUALITY', '', /it is not TOML/),
  setTo('QUALITY', '"HIGH', /it is not TOML/),
  setTo('HOME_DOMAINS', '"x"', /"HOME_DOMAINS" is not known/),
  lacking('HOME_DOMAIN'),
  lacking('QUALITY'),
];
const OF_A_VALIDATOR: readonly Change[] = [
  setTo('QUALITY', '"HIGH"', /quality of .* is given twice/),
  [/without QUALITY/, (table) => ({ ...faulty(table, 'HOME_DOMAIN', '"nowhere"'), isFault: true })],
  setTo('HOME_DOMAIN', '""', /without HOME_DOMAIN/),
  setTo('PUBLIC_KEY', '"GARBLED"', /is no public key/),
  setTo('PUBLIC_KEY', text(publicKey(0)), /is named twice/),
  setTo('NAME', '"v0"', /is named twice/),
  setTo('NAME', 'true', /without NAME/),
  setTo('NAME', '"v1" "v2"', /it is not TOML/),
  setTo('A', '1', /"A" is not known/),
  lacking('NAME'),
  lacking('PUBLIC_KEY'),
];

const names = fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 4 });

/** One table of the kind is changed, never the first of it: that one is what others are like. */
const changed = (header: string, changes: readonly Change[]): fc.Arbitrary<Draft> =>
  fc.tuple(names, fc.constantFrom(...changes), fc.nat()).map(([drawn, [said, change], at]) => {
    const tables = automatic([...drawn, 'last']);
    const places = tables.flatMap((table, index) => (table.header === header ? [index] : [])).slice(1);
    const place = places[at % places.length];
    return { said, tables: tables.map((table, index) => (index === place ? change(table) : table)) };
  });

const twice: fc.Arbitrary<Draft> = names.map((drawn) => {
  const again = faulty(domainTable('', 'HIGH'), 'HOME_DOMAIN', text(drawn[0] ?? ''));
  return { tables: [...automatic(drawn), again], said: /is given twice/ };
});
const tooSmall: fc.Arbitrary<Draft> = fc
  .tuple(names, fc.constantFrom('HIGH', 'CRITICAL'))
  .map(([drawn, quality]) => {
    const small = { ...faulty(domainTable('', quality), 'HOME_DOMAIN', '"V"'), isFault: true };
    return {
      tables: [...automatic(drawn), small, validatorTable(900, 'V')],
      said: /"V" of quality .* has 1 validators/,
    };
  });
const bothForms: fc.Arbitrary<Draft> = names.map((drawn) => ({
  tables: [
    ...automatic(drawn),
    { header: '[QUORUM_SET]', isFault: true, fields: [field('VALIDATORS', '["$a"]')] },
  ],
  said: /it has both/,
}));

const handSet = (path: string, fields: readonly Field[], isFault = false): Table => ({
  header: `[QUORUM_SET${path}]`,
  fields,
  isFault,
});
const entriesOf = (...entries: string[]): Field => field('VALIDATORS', JSON.stringify(entries));
const percent = field('THRESHOLD_PERCENT', '51');
const fault = (key: string, value: string): Field => ({ key, value, isFault: true });

/** A set in the middle of others, of which one field is wrong, or the table itself. */
const HAND_FAULTS: ReadonlyArray<readonly [said: RegExp, table: Table]> = [
  [/THRESHOLD_PERCENT is no/, handSet('.b', [fault('THRESHOLD_PERCENT', '101'), entriesOf('$b1', '$b2')])],
  [/THRESHOLD_PERCENT is no/, handSet('.b', [entriesOf('$b1'), fault('THRESHOLD_PERCENT', '"67"')])],
  [/VALIDATORS is no list/, handSet('.b', [percent, fault('VALIDATORS', '"$b"')])],
  [/names no validator/, handSet('.b', [percent, fault('VALIDATORS', '["$b", "self"]')])],
  [/names no validator/, handSet('.b', [fault('VALIDATORS', '["$b", ""]'), percent])],
  [/names no validator/, handSet('.b', [fault('VALIDATORS', '["$b", 7]')])],
  [/is named twice/, handSet('.b', [fault('VALIDATORS', '["$b", "$a"]')])],
  [/empty set, or no table/, handSet('.b', [percent], true)],
  [/empty set, or no table/, handSet('.b', [entriesOf('$b'), fault('a', '"$x"')])],
  [/nested too deep/, handSet('.b.c.d.e.f', [entriesOf('$f')], true)],
];
const byHand: fc.Arbitrary<Draft> = fc.constantFrom(...HAND_FAULTS).map(([said, table]) => ({
  said,
  tables: [
    handSet('', [percent, entriesOf('$ab', '$a')]),
    handSet('.aa', [entriesOf('$aab', '$aa'), percent]),
    table,
    handSet('.z', [percent, entriesOf('$z', '$ba')]),
  ],
}));

/** How lines are written, by numbers that are drawn. */
function written({ tables, said }: Draft, dice: readonly number[], end: string): Faulty {
  let rolls = 0;
  const one = <T>(of: readonly T[]): T => of[(dice[rolls++ % dice.length] ?? 0) % of.length] as T;
  const lines: string[] = [];
  const named: number[] = [];
  const add = (line: string, isFault = false): void => {
    for (let count = one([0, 0, 0, 1, 2]); count > 0; count -= 1) lines.push(one(DECOYS));
    lines.push(`${one(['', '', '  ', '\t'])}${line}${one(['', '', ' # QUALITY = "x"', ' '])}`);
    if (isFault) named.push(lines.length);
  };
  for (const { header, fields, isFault } of tables) {
    add(one([header, header, header.replace(/(\[+)(.*?)(\]+)/, '$1 $2 $3')]), isFault);
    for (const { key, value, isFault: isWrong } of fields)
      add(`${one([key, key, `"${key}"`])}${one(['=', ' = '])}${value}`, isWrong);
  }
  return { text: lines.join(end), lines: named, said };
}

const drafts = fc.oneof(
  changed('[[HOME_DOMAINS]]', OF_A_DOMAIN),
  changed('[[VALIDATORS]]', OF_A_VALIDATOR),
  byHand,
  twice,
  tooSmall,
  bothForms,
);

/** Any of them. */
export const faultyQuorumSets: fc.Arbitrary<Faulty> = fc
  .tuple(drafts, fc.array(fc.nat(1000), { minLength: 5, maxLength: 97 }), fc.constantFrom('\n', '\r\n'))
  .map(([draft, dice, end]) => written(draft, dice, end));
