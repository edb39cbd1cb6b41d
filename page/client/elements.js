/** Creates elements. A string always becomes a text node, and is never read as HTML. */
const SVG = 'http://www.w3.org/2000/svg';

/**
 * @typedef {Readonly<Record<string, string | number | undefined>>} Attributes
 * @typedef {Node | string | undefined} Child
 */

/**
 * @template {Element} T
 * @param {T} element
 * @param {Attributes} attributes
 * @param {readonly Child[]} children
 * @returns {T}
 */
function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/**
 * An HTML element.
 * @param {string} name
 * @param {Attributes} [attributes]
 * @param {readonly Child[]} children
 */
export const html = (name, attributes = {}, ...children) =>
  filled(document.createElement(name), attributes, children);

/**
 * An SVG element.
 * @param {string} name
 * @param {Attributes} [attributes]
 * @param {readonly Child[]} children
 */
export const svg = (name, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, name), attributes, children);

/**
 * A remark in a quiet style.
 * @param {string} text
 */
export const quiet = (text) => html('p', { class: 'quiet' }, text);

/**
 * The element of the page with this id.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/**
 * Sets a text only if it differs, because a screen reader reads each change.
 * @param {Element} element
 * @param {string} text
 */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @type {WeakMap<Element, string>} */
const shownIn = new WeakMap();

/**
 * Renders data into a container if the data has changed. The focus stays on the element with the same id.
 * @param {Element} container
 * @param {unknown} data
 * @param {() => readonly Node[]} render
 */
export function show(container, data, render) {
  const text = JSON.stringify(data);
  if (shownIn.get(container) === text) return;
  shownIn.set(container, text);
  const focused = container.contains(document.activeElement) ? document.activeElement?.id : undefined;
  container.replaceChildren(...render());
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}
