/**
 * Takes managedFields out of the text of objects before that is parsed: they are half of it, their keys are like no
 * others, and where nothing reads them parsing them is most of what an event costs. Pure.
 */

const KEY = '"managedFields":[';
const QUOTE = 34;
const COMMA = 44;
const OPENING = 91;
const BACKSLASH = 92;
const CLOSING = 93;
const BRACE = 123;

/**
 * The same JSON with every list under the key `managedFields` empty. A quote inside a string has a backslash before it,
 * so that text after a comma or a brace can only be the key. Whatever is not JSON, or is laid out otherwise, is returned
 * as it is, in whole or in part: it costs more to parse, and says the same.
 */
export function withoutManagedFields(text: string): string {
  let kept = '';
  let keptTo = 0;
  for (let at = text.indexOf(KEY); at !== -1; at = text.indexOf(KEY, at + 1)) {
    const before = text.charCodeAt(at - 1);
    if (before !== COMMA && before !== BRACE) continue;
    const beganAt = at + KEY.length;
    const endsAt = endOfList(text, beganAt);
    if (endsAt === -1) break;
    kept += text.slice(keptTo, beganAt);
    keptTo = endsAt;
    at = endsAt;
  }
  return keptTo === 0 ? text : kept + text.slice(keptTo);
}

/** Where the list ends whose first item is at `from`: the place of its bracket; -1 where it does not end. */
function endOfList(text: string, from: number): number {
  let depth = 1;
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
      if (at === -1) return -1;
    } else if (code === OPENING) depth += 1;
    else if (code === CLOSING) {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  return -1;
}

/** Where the string ends that begins at `from`: the place of its last quote; -1 where it does not end. */
function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return at;
  }
  return -1;
}
