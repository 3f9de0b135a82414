/**
 * Elements of definitions that the host sends once a VM (batch-awk.ts, `awkShorten`), put back where it only says which they are.
 * Without them a record would seem to need nothing that another one, or the definition, names too.
 */
import { attribute, child, XmlError, type XmlElement } from './xml.ts';

interface SentElement {
  readonly element: XmlElement;
  /** Below `<devices>`; otherwise below the definition itself. */
  readonly isDevice: boolean;
}

/** The name of the element that lists the numbers of others. */
const sameElement = 'snaptree-same';

/** Of one VM and one reading. Answers go through it in the order in which they were sent. */
export class SentElements {
  readonly #sent = new Map<string, SentElement>();

  /**
   * A definition or record with all that the host left out of it.
   *
   * @throws XmlError where it was sent with a number that none has
   */
  whole(root: XmlElement): XmlElement {
    if (isDefinition(root)) return this.#wholeDefinition(root);
    return {
      ...root,
      children: root.children.map((each) => (isDefinition(each) ? this.#wholeDefinition(each) : each)),
    };
  }

  #wholeDefinition(definition: XmlElement): XmlElement {
    this.#keep(definition, false);
    const devices = child(definition, 'devices');
    if (devices) this.#keep(devices, true);
    const same = child(definition, sameElement);
    if (!same) return definition;
    const ids = (attribute(same, 'ids') ?? '').split(' ');
    const left = ids.map((id): SentElement => {
      const sent = this.#sent.get(id);
      if (!sent) throw new XmlError(`a part of it (${id}) did not come with it`);
      return sent;
    });
    const below = (isDevice: boolean) =>
      left.filter((each) => each.isDevice === isDevice).map(({ element }) => element);
    return {
      ...definition,
      children: [
        ...definition.children
          .filter(({ name }) => name !== sameElement)
          .map((each) => (each === devices ? { ...each, children: [...each.children, ...below(true)] } : each)),
        ...below(false),
      ],
    };
  }

  #keep(parent: XmlElement, isDevice: boolean): void {
    for (const element of parent.children) {
      const id = attribute(element, 'snaptree-id');
      if (id !== null) this.#sent.set(id, { element, isDevice });
    }
  }
}

function isDefinition({ name }: XmlElement): boolean {
  return name === 'domain' || name === 'inactiveDomain';
}
