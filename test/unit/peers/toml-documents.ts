/** Random TOML 1.0 documents, full of what a careless reader would take for the end of a string, a key or a table. */
import fc, { type Arbitrary } from 'fast-check';

const TRAPS = [
  'KNOWN_PEERS=[1]',
  'PREFERRED_PEERS = [',
  '[table]',
  '[[VALIDATORS]]',
  '#',
  '[',
  ']',
  '{',
  '}',
  '=',
  ' ',
  '\t',
  ',',
  'a',
  // Letters whose last byte is one that dash uses for itself (0x81 to 0x88).
  'ā',
  'Ё',
  'ł',
  '…',
  '日本',
];
const QUOTES = ['"', "'", '""', "''"];

const joined = (...parts: readonly string[]) =>
  fc.array(fc.constantFrom(...TRAPS, ...parts), { maxLength: 6 }).map((found) => found.join(''));
const noRun = (quote: string) => (text: string) =>
  text.replaceAll(new RegExp(`${quote}{3,}`, 'g'), quote + quote);

const comment = joined(...QUOTES, '"""', "'''", '\\').map((text) => `# ${text}`);
const basic = joined("'", "'''", '\\"', '\\\\', '\\n', '\\u00e9').map((text) => `"${text}"`);
const literal = joined('"', '"""', '\\').map((text) => `'${text}'`);
const longBasic = joined(...QUOTES, "'''", '\\"', '\\\\', '\n', '\n', '\\\n  ')
  .map(noRun('"'))
  .map((text) => `"""${text}"""`);
const longLiteral = joined(...QUOTES, '"""', '\\', '\n', '\n')
  .map(noRun("'"))
  .map((text) => `'''${text}'''`);
const scalar = fc.oneof(
  fc.constantFrom('1', '-2.5', 'true', '""', "''", '""""""', "''''''", '2026-11-23T10:00:00Z'),
  basic,
  literal,
  longBasic,
  longLiteral,
);

/** White space, newlines and comments, as they may stand between the items of a list. */
const gap = fc.oneof(
  fc.constantFrom('', '', ' ', '\n', ' \n\t'),
  comment.map((text) => ` ${text}\n`),
);
const list = (item: Arbitrary<string>) =>
  fc
    .tuple(fc.array(fc.tuple(gap, item, gap), { maxLength: 4 }), gap)
    .map(([items, end]) => `[${items.map((parts) => parts.join('')).join(',')}${end}]`);
const inline = (item: Arbitrary<string>) =>
  fc
    .array(item, { maxLength: 3 })
    .map((items) => `{ ${items.map((text, at) => `k${at} = ${text}`).join(', ')} }`);

const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    list(tie('value')),
    inline(fc.oneof(scalar, inline(scalar))),
  ),
}));

/** Ways to write a key whose name is unique in its table. */
const key = (name: string) =>
  fc.constantFrom(name, `"${name}"`, `'${name}'`, `${name}.sub`, `"${name}" . 'a=#['`);
const around = fc.constantFrom('', '', ' ', '\t');

const statement = (name: string): Arbitrary<string> =>
  fc
    .tuple(around, key(name), around, around, value, fc.option(comment, { nil: '' }))
    .map(
      ([indent, left, before, behind, right, note]) => `${indent}${left}${before}=${behind}${right} ${note}`,
    );
const NAMES = ['KNOWN_PEERS', 'PREFERRED_PEERS', 'KNOWN_PEERS_X', 'PREFERRED_PEERS_ONLY', 'A', 'B-2', '7'];
const line = fc.oneof(fc.constantFrom('', '  '), comment);

const part = (names: readonly string[]): Arbitrary<string> =>
  fc
    .shuffledSubarray([...names])
    .chain((chosen) => fc.tuple(...chosen.map((name) => fc.tuple(line, statement(name)))))
    .map((pairs) => pairs.map(([above, own]) => `${above}\n${own}\n`).join(''));

const tables = fc
  .array(fc.tuple(fc.constantFrom('HISTORY.one', 'QUORUM_SET', '"a]#"', "'b'"), comment, part(NAMES)), {
    maxLength: 2,
  })
  .map((found) => found.map(([name, note, body], at) => `[T${at}.${name}] ${note}\n${body}`).join(''));

/** Whole documents, of LF or CRLF lines, some with a byte order mark, some without a newline at the end. */
export const documents: Arbitrary<string> = fc
  .tuple(fc.constantFrom('', '', '', '\uFEFF'), part(NAMES), tables, fc.boolean(), fc.boolean())
  .map(([mark, top, rest, isCrlf, isCut]) => {
    const text = isCut ? (top + rest).replace(/\n$/, '') : top + rest;
    return mark + (isCrlf ? text.replaceAll('\n', '\r\n') : text);
  });
