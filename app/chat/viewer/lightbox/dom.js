// Small helpers to make elements.

/** Make an element of a class with attributes and children. */
export const make = (tag, className = '', attributes = {}, ...children) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

const SVG = 'http://www.w3.org/2000/svg';

/** Make an element of SVG. */
export const draw = (tag, attributes = {}, ...children) => {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

/** Scroll to an element if it is out of sight, at once if the reader asked for less motion. */
export const reveal = (element) => element.scrollIntoView({
  block: 'nearest',
  behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth',
});
