import { describe, expect, it } from 'vitest';
import { capabilitySchema } from '../../../shared/model/inventory.ts';
import { hasCapability, hasInternalRevertRegression, libvirtCapabilities, longestChain } from './capabilities.ts';

const available = (version: string | null): readonly string[] =>
  libvirtCapabilities(version).flatMap((each) => (each.available ? [each.id] : []));

describe('capabilities of libvirt', () => {
  it.each([
    ['7.0.0', ['events']],
    ['9.0.0', ['deleteExternal', 'events']],
    ['9.8.0', ['deleteExternal', 'events']],
    ['9.9.0', ['revertToExternal', 'deleteExternal', 'deleteExternalWithDescendants', 'events']],
    [
      '10.9.0',
      ['revertToExternal', 'deleteExternal', 'deleteExternalWithDescendants', 'createInternalWithNvram', 'events'],
    ],
    [
      '11.3.0',
      [
        'revertToExternal',
        'deleteExternal',
        'deleteExternalWithDescendants',
        'createInternalWithNvram',
        'internalWithNvram',
        'events',
      ],
    ],
    [null, []],
  ])('%s', (version, ids) => {
    expect(available(version)).toEqual(ids);
    for (const id of ids) expect(hasCapability(version, id as 'events')).toBe(true);
    const all = libvirtCapabilities(version);
    expect(capabilitySchema.array().parse(all)).toEqual(all);
    for (const { explanation, available: can } of all) {
      expect(explanation).toContain(can ? 'libvirt can ' : 'libvirt cannot ');
      expect(explanation).toContain(version ?? 'not known');
    }
  });

  it('that hold for some versions only', () => {
    expect(['10.8.0', '10.9.0'].map((version) => hasCapability(version, 'createInternalWithNvram'))).toEqual([
      false,
      true,
    ]);
    expect(['11.1.0', '11.2.0', '11.3.0', '11.4.0'].map(hasInternalRevertRegression)).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(['11.3.0', '12.0.0'].map(longestChain)).toEqual([25, 200]);
  });
});
