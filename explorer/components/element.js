// What components are built of: elements, and the bytes that Python sends.

/** Base64, as Python sends bytes within `data`, and back. */
export const fromBase64 = (text) =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
export const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));

/** An element with attributes and children, in one expression. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
