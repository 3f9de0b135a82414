import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attribute, child, childText, maximumXmlDepth, maximumXmlLength, parseXml, XmlError } from './xml.ts';

const escape = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll("'", '&apos;')
    .replaceAll('"', '&quot;');

it('reads text and attributes as they were before libvirt escaped them', () => {
  // Control characters cannot stand in XML, and a line break in an attribute is a space there.
  const allowed = fc.string({ unit: 'grapheme' });
  fc.assert(
    fc.property(allowed, allowed, (text, value) => {
      const tree = parseXml(`<a><b c='${escape(value)}'>${escape(text)}</b></a>`);
      expect(childText(tree, 'b')).toBe(text);
      expect(attribute(child(tree, 'b'), 'c')).toBe(value);
    }),
  );
});

it('keeps line breaks of a name', () => {
  expect(childText(parseXml('<s>\n  <name>two\nlines</name>\n</s>'), 'name')).toBe('two\nlines');
});

it('reads namespaces as plain names', () => {
  expect(childText(parseXml("<d xmlns:x='u'><x:y>1</x:y></d>"), 'x:y')).toBe('1');
});

describe('refuses', () => {
  const billionLaughs = `<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><l>&b;</l>`;
  const external = `<!DOCTYPE l SYSTEM "file:///etc/passwd"><l/>`;
  it.each([
    ['a DOCTYPE with entities', billionLaughs, 'DOCTYPE'],
    ['an external DOCTYPE', external, 'DOCTYPE'],
    ['an entity of its own', '<l>&ha;</l>', 'entity'],
    ['an entity of HTML', '<l>&nbsp;</l>', 'entity'],
    ['text that is cut off', '<l><a>', 'well-formed'],
    ['two roots', '<l/><l/>', 'well-formed'],
    ['an attribute given twice', "<l a='1' a='2'/>", 'well-formed'],
    ['no XML', 'error: failed', 'well-formed'],
    ['nothing', '', 'well-formed'],
    ['too deep nesting', '<a>'.repeat(maximumXmlDepth + 1), 'deeper'],
    ['too much', ' '.repeat(maximumXmlLength + 1), 'larger'],
  ])('%s', (_what, text, reason) => {
    expect(() => parseXml(text)).toThrow(XmlError);
    expect(() => parseXml(text)).toThrow(reason);
  });

  it('and takes what is just within the limits', () => {
    const depth = maximumXmlDepth;
    expect(parseXml('<a>'.repeat(depth) + '</a>'.repeat(depth)).name).toBe('a');
  });
});
