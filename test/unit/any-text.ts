/** Texts of any characters, for properties. */
import fc from 'fast-check';

const SURROGATES_FROM = 0xd800;
const SURROGATES_TO = 0xe000;
const CODE_POINTS_TO = 0x110000;

/**
 * Any code point but a half of a surrogate pair. The same as fast-check's unit `binary`, which first makes a table of
 * all of them: 2 s of processor time in each file that uses it.
 */
const codePoint: fc.Arbitrary<string> = fc
  .nat({ max: CODE_POINTS_TO - (SURROGATES_TO - SURROGATES_FROM) - 1 })
  .map((n) => String.fromCodePoint(n < SURROGATES_FROM ? n : n + (SURROGATES_TO - SURROGATES_FROM)));

/** Text of any code points; now and then of ASCII, where fast-check also plays names such as `__proto__`. */
export const anyText = (length: fc.StringSharedConstraints = {}): fc.Arbitrary<string> =>
  fc.oneof(
    { arbitrary: fc.string({ ...length, unit: codePoint }), weight: 4 },
    { arbitrary: fc.string(length), weight: 1 },
  );
