/**
 * Removes managedFields from the JSON text of objects before it is parsed. They are half of the text, and parsing them
 * is most of the cost of an event. Only for objects whose managedFields nothing reads. Pure.
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
 * so this text after a comma or a brace can only be the key. A text that is not JSON, or has another layout, is
 * returned with some or all managedFields left in it: that costs time, and changes nothing.
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

/** The position of the bracket that ends the list whose first item is at `from`; -1 if the list does not end. */
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

/** The position of the quote that ends the string that begins at `from`; -1 if the string does not end. */
function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return at;
  }
  return -1;
}
