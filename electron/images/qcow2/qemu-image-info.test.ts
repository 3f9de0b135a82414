import { expect, it } from 'vitest';
import { parseQemuImageInfo } from './qemu-image-info.ts';

/** QEMU 7.2, an overlay with an internal snapshot. */
const overlay = `{
    "snapshots": [
        {
            "vm-clock-nsec": 683548127,
            "name": "two\\nlines",
            "date-sec": 1795207054,
            "date-nsec": 500000000,
            "vm-clock-sec": 3,
            "id": "1",
            "vm-state-size": 801021
        }
    ],
    "backing-filename-format": "qcow2",
    "virtual-size": 1073741824,
    "filename": "pool/e1-memext3.qcow2",
    "cluster-size": 65536,
    "format": "qcow2",
    "actual-size": 200704,
    "format-specific": {
        "type": "qcow2",
        "data": {
            "compat": "1.1",
            "corrupt": false
        }
    },
    "full-backing-filename": "/var/lib/libvirt/images/e1-ext1.ext2",
    "backing-filename": "e1-ext1.ext2",
    "dirty-flag": false
}`;

it('takes an overlay apart', () => {
  expect(parseQemuImageInfo(overlay)).toEqual({
    format: 'qcow2',
    virtualBytes: 1024 ** 3,
    allocatedBytes: 200704,
    clusterBytes: 65_536,
    backing: {
      recorded: 'e1-ext1.ext2',
      resolved: '/var/lib/libvirt/images/e1-ext1.ext2',
      isFormatRecorded: true,
      format: 'qcow2',
    },
    internalSnapshots: [{ id: '1', name: 'two\nlines', createdAt: 1795207054.5, memoryBytes: 801021 }],
    corrupt: false,
    encryption: null,
    bitmaps: [],
  });
});

it('takes a raw image apart', () => {
  expect(parseQemuImageInfo('{"virtual-size": 512, "filename": "x", "format": "raw", "actual-size": 0}')).toEqual({
    format: 'raw',
    virtualBytes: 512,
    allocatedBytes: 0,
    clusterBytes: null,
    backing: null,
    internalSnapshots: [],
    corrupt: null,
    encryption: null,
    bitmaps: [],
  });
});

it.each(['', 'nonsense', '[]', '{}', '{"format": "qcow2"}', '{"format": "qcow2", "virtual-size": -1}', 'null'])(
  'refuses %j',
  (json) => {
    expect(parseQemuImageInfo(json)).toBeNull();
  },
);
