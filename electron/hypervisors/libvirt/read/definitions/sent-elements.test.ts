/** What the host sends once, put back into every record that has it too. */
import { describe, expect, it } from 'vitest';
import { parseSnapshotXml } from './snapshot-xml.ts';
import { SentElements } from './sent-elements.ts';
import { parseXml, XmlError } from './xml.ts';

const definition = `<domain type='qemu'><name>v</name><devices><tpm snaptree-id='r2'><device path='/dev/tpm0'/></tpm></devices></domain>`;
const record = (name: string, domain: string): string =>
  `<domainsnapshot><name>${name}</name><state>shutoff</state><domain type='qemu'><name>v</name>${domain}</domain></domainsnapshot>`;
const needsOf = (xml: string, sent: SentElements) =>
  parseSnapshotXml(xml, sent).record.needs.map(({ use, place, source }) => [use, place, source]);

const kernel = ['kernel', 'os/kernel', { kind: 'image', reference: '/k' }];
const tpm = ['tpm', 'devices/tpm/device', { kind: 'image', reference: '/dev/tpm0' }];

describe('elements that were sent before', () => {
  it('are in each record that says so, below devices or not as they were', () => {
    const sent = new SentElements();
    sent.whole(parseXml(definition));
    const first = record('a', `<os snaptree-id='r3'><kernel>/k</kernel></os><devices/><snaptree-same ids='r2'/>`);
    expect(needsOf(first, sent)).toEqual([kernel, tpm]);
    expect(needsOf(record('b', `<devices/><snaptree-same ids='r3 r2'/>`), sent)).toEqual([tpm, kernel]);
    expect(needsOf(record('c', '<devices/>'), sent)).toEqual([]);
  });

  it('make a record unread where they did not come', () => {
    expect(() => parseSnapshotXml(record('a', `<devices/><snaptree-same ids='r2'/>`))).toThrow(XmlError);
  });

  it('are not those of the definition of the next start, which is not started', () => {
    const next = `<inactiveDomain type='qemu'><name>v</name><os snaptree-id='r9'><kernel>/k</kernel></os></inactiveDomain>`;
    const xml = record('a', '<devices/>').replace('</domainsnapshot>', `${next}</domainsnapshot>`);
    const sent = new SentElements();
    expect(needsOf(xml, sent)).toEqual([]);
    expect(needsOf(record('b', `<devices/><snaptree-same ids='r9'/>`), sent)).toEqual([kernel]);
  });
});
