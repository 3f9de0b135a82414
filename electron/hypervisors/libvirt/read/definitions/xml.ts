/** XML from a host as a small tree. What libvirt never writes is refused: DOCTYPE, entities of one's own, excess. */
import { SaxesParser } from 'saxes';

export interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** The text directly inside, as it stands, without that of children. */
  readonly text: string;
}

/** Why text is not XML that is accepted. The message is half a sentence: “its definition cannot be read: …”. */
export class XmlError extends Error {
  override readonly name = 'XmlError';
}

/** In UTF-16 units. The largest real definitions are some hundred kB. */
export const maximumXmlLength = 8 * 1024 * 1024;
export const maximumXmlDepth = 256;

/**
 * @throws XmlError where `text` is not well-formed, has a DOCTYPE or an entity other than the five predefined ones, is
 * longer than 8 MiB or nests deeper than 256 elements (a backing chain of 200 images is the longest that libvirt takes)
 */
export function parseXml(text: string): XmlElement {
  if (text.length > maximumXmlLength) throw new XmlError('it is larger than 8 MiB');
  interface Open {
    readonly name: string;
    readonly attributes: ReadonlyMap<string, string>;
    readonly children: XmlElement[];
    text: string;
  }
  const stack: Open[] = [];
  const roots: XmlElement[] = [];
  const parser = new SaxesParser({ xmlns: false, position: true });
  const append = (more: string) => {
    const top = stack.at(-1);
    if (top) top.text += more;
  };
  parser.on('doctype', () => {
    throw new XmlError('it has a DOCTYPE, which libvirt never writes');
  });
  parser.on('opentag', (tag) => {
    if (stack.length >= maximumXmlDepth) throw new XmlError(`it nests deeper than ${maximumXmlDepth} elements`);
    stack.push({ name: tag.name, attributes: new Map(Object.entries(tag.attributes)), children: [], text: '' });
  });
  parser.on('text', append);
  parser.on('cdata', append);
  parser.on('closetag', () => {
    const element = stack.pop();
    if (!element) return;
    const parent = stack.at(-1);
    if (parent) parent.children.push(element);
    else roots.push(element);
  });
  parser.on('error', (error) => {
    throw new XmlError(`it is not well-formed XML (${error.message})`);
  });
  parser.write(text).close();
  const [root] = roots;
  if (!root) throw new XmlError('it is empty');
  return root;
}

/** The first child named `name`, or null. */
export function child(element: XmlElement | null, name: string): XmlElement | null {
  return element?.children.find((candidate) => candidate.name === name) ?? null;
}

/** All children named `name`. */
export function children(element: XmlElement | null, name: string): readonly XmlElement[] {
  return element?.children.filter((candidate) => candidate.name === name) ?? [];
}

/** The text of the first child named `name`; null where there is no such child. */
export function childText(element: XmlElement | null, name: string): string | null {
  return child(element, name)?.text ?? null;
}

/** An attribute's value; null where the element or the attribute is not there. */
export function attribute(element: XmlElement | null, name: string): string | null {
  return element?.attributes.get(name) ?? null;
}
