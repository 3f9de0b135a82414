import { describe, expect, it } from 'vitest';
import { image, internal, inventory, overlay, vm } from '../../../../shared/model/inventory.fixtures.ts';
import { chainFrom, imagesById } from '../../../../shared/rules/chains/chains.ts';
import { planWith } from '../cli.fixtures.ts';
import type { LayerDependence } from '../../../../shared/rules/chains/layer-dependence.ts';
import { brokenChain } from '../../../../shared/rules/chains/broken-chains.ts';
import { chainLines } from './chain-text.ts';
import { planLines } from './plan-text.ts';
import { tableLines, widthOf } from './table.ts';
import { treeLines } from './tree-text.ts';
import { connectionText, utc } from './words.ts';

const look = { paint: (_style: string, text: string) => text, unicode: true };
const coloured = { paint: (_style: string, text: string) => `<${text}>`, unicode: true };

describe('columns', () => {
  it('stand below each other, whatever the script and the colours', () => {
    expect(
      tableLines([
        ['a', 'b', ''],
        ['快照', { text: 'x', paint: (text) => `<${text}>` }, 'end'],
        ['🌳', '', ''],
      ]),
    ).toEqual(['a     b', '快照  <x>  end', '🌳']);
    expect(widthOf('é')).toBe(1);
    expect(widthOf('e\u0301')).toBe(1);
  });
});

describe('a tree', () => {
  const snapshots = [
    internal('a', null),
    internal('b', 'a', { createdAt: 1_795_200_001 }),
    internal('c', 'a', { createdAt: 1_795_200_002, vmState: 'shutoff', memory: { kind: 'none' } }),
    internal('lost', 'nowhere', { createdAt: 1_795_200_003 }),
  ];
  it('shows branches, the present state and what is odd', () => {
    expect(treeLines(vm({ snapshots, currentSnapshotId: 'b' }), look)).toEqual([
      '├─ a                                internal  running, with memory  2026-11-20T18:40:00Z',
      '│  ├─ b                             internal  running, with memory  2026-11-20T18:40:01Z',
      '│  │  └─ ● the present state (running)',
      '│  └─ c                             internal  shut off              2026-11-20T18:40:02Z',
      '└─ lost (its parent has no record)  internal  running, with memory  2026-11-20T18:40:03Z',
    ]);
  });
  it('marks what a snapshot lacks, and what it may lack', () => {
    const lacking = (name: string) => (name === 'b' ? 'error' : name === 'c' ? 'warning' : null);
    const lines = treeLines(vm({ snapshots }), look, ({ name }) => lacking(name));
    expect(lines.filter((line) => line.includes('lack'))).toEqual([
      expect.stringMatching(/─ b .*Z {2}lacks what it needs$/),
      expect.stringMatching(/─ c .*Z {2}may lack what it needs$/),
    ]);
  });
  it('does without other characters than ASCII', () => {
    const lines = treeLines(vm({ snapshots, currentSnapshotId: 'c' }), { ...look, unicode: false });
    expect(lines.join('')).toMatch(/^[ -~]*$/);
    expect(lines[3]).toContain('`- * the present state');
  });
  it('shows the present state alone, where it hangs on none', () => {
    expect(treeLines(vm({ state: 'shutoff' }), look)).toEqual(['● the present state (shut off)']);
    const points = [
      { file: "/vms/it's.memory", savedAt: 0, allocatedBytes: null, worn: 'writtenSince' },
      { file: null, savedAt: null, allocatedBytes: null, worn: null },
    ] as const;
    expect(treeLines(vm({ state: 'shutoff' }), look, undefined, points)).toEqual([
      "/vms/it's.memory  memory    1970-01-01T00:00:00Z  the disks were written to since",
      'managed save      memory    -',
      '● the present state (shut off)',
    ]);
    expect(treeLines(vm({ state: 'shutoff', hasManagedSave: true }), look)).toEqual([
      '● the present state (shut off, memory saved)',
    ]);
  });
  it('is as deep as it is, without lines of endless length', () => {
    const deep = Array.from({ length: 5000 }, (_, index) =>
      internal(`s${index}`, index === 0 ? null : `s${index - 1}`, { createdAt: 1_795_200_000 + index }),
    );
    const lines = treeLines(vm({ snapshots: deep, currentSnapshotId: 's4999' }), look);
    expect(lines).toHaveLength(5001);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(300);
    expect(lines[4999]).toContain('(4976 deeper)');
  });
  it('takes names from hosts as text', () => {
    const [line] = treeLines(vm({ snapshots: [internal('a\u001b[2J\nb', null)] }), coloured);
    expect(line).toContain('a[escape][2J[newline]b');
  });
});

describe('a chain', () => {
  const lines = (
    images: Parameters<typeof imagesById>[0],
    children = 0,
    needed: Partial<LayerDependence> | null = null,
  ) => {
    const byId = imagesById(images);
    const chain = chainFrom('/a', byId);
    const nobody = {
      others: [],
      names: [],
      namedByOthers: false,
      inOtherChains: [],
      ofNoVm: [],
      possible: [],
      unknown: [],
    };
    const dependence = needed && ((imageId: string) => ({ ...nobody, ...(imageId === '/base' && needed) }));
    return chainLines(chain, brokenChain(chain, byId), { children: () => children, dependence }, look);
  };
  it('goes from the active layer to the base', () => {
    expect(lines([overlay('/a', '/base'), image('/base')], 2)).toEqual([
      '    /a     qcow2, 195 KiB of 1 GiB, 2 images hang on it',
      '  ↓ /base  qcow2, 195 KiB of 1 GiB, 2 images hang on it',
    ]);
  });
  it('names who else needs a layer, the VM’s other chains too', () => {
    const images = [overlay('/a', '/base'), image('/base')];
    expect(lines(images, 1, { inOtherChains: ['/left'], others: ['db', 'a\u202e'] }).slice(1)).toEqual([
      '  ↓ /base  qcow2, 195 KiB of 1 GiB',
      '      Also used by 2 VMs: db, a[right-to-left override]',
      '      Also needed by 1 image in another chain of this VM: /left',
    ]);
    expect(lines(images, 1, {})).toHaveLength(2);
  });
  it.each([
    ['The chain is broken: /gone is missing.', [overlay('/a', '/gone'), image('/gone', { status: 'missing' })]],
    [
      'The chain could not be read: /x: denied',
      [overlay('/a', '/x'), image('/x', { status: 'unreadable', problem: 'denied' })],
    ],
    ['The chain leads to /elsewhere, which was not read.', [overlay('/a', '/elsewhere')]],
    ['The chain runs in a circle: it comes back to /a.', [overlay('/a', '/b'), overlay('/b', '/a')]],
  ])('says %s', (text, images) => {
    expect(lines(images).at(-1)?.trim()).toBe(text);
  });
});

describe('a plan', () => {
  it('shows its commands so that they could be typed, and what they do to which file', () => {
    const text = planLines(planWith(), null, look);
    expect(text).toContain("  virsh --name=one 'two words'");
    expect(text).toContain('  writes /srv/a');
  });
  it('begins with a sentence, and tells of steps that are alike only where they differ', () => {
    const [step] = planWith().steps;
    if (!step) throw new Error('There is no step.');
    const remove = (name: string, index: number) => ({
      ...step,
      index,
      title: `Delete "${name}"`,
      argv: ['virsh', 'snapshot-delete', `--snapshotname=${name}`],
      deletes: index === 3 ? [`/srv/${name}`] : ['/srv/same'],
    });
    const steps = ['a', 'b', 'c d', 'e\nf'].map(remove);
    const request = {
      action: 'deleteSnapshot' as const,
      vmUuid: planWith().vmUuid,
      snapshotId: 'a',
      withDescendants: true,
    };
    const before = inventory(
      [vm({ snapshots: ['a', 'b', 'c d', 'x'].map((name) => internal(name, null)) })],
      [image('/srv/same')],
    );
    const text = planLines(planWith({ request, steps: steps.slice(0, 3) }), before, look);
    expect(text[1]).toBe('Deletes 4 snapshots, frees at least 195 KiB, no pause.');
    expect(text.slice(4, 12)).toEqual([
      'Step 1 of 3: Delete "a"',
      '  virsh snapshot-delete --snapshotname=a',
      '  writes /srv/a',
      '  deletes /srv/same',
      '',
      'Steps 2 to 3 of 3 are alike, but for one argument:',
      '  2. Delete "b": --snapshotname=b',
      `  3. Delete "c d": '--snapshotname=c d'`,
    ]);
    const whole = planLines(planWith({ request, steps }), null, look);
    expect(whole[1]).toBe('Deletes snapshots of web, frees no room on storage for certain, no pause.');
    // A command of several lines may be another one: it is shown whole.
    expect(whole).toContain('Step 4 of 4: Delete "e[newline]f"');
  });
  it('that is refused shows why and no step', () => {
    const refusal = { code: 'x', message: 'Another VM needs\u202e it.', names: [] };
    const text = planLines(planWith({ refusals: [refusal] }), null, look);
    expect(text).toContain('Refused:');
    expect(text).toContain('  Another VM needs[right-to-left override] it.');
    expect(text.join('\n')).not.toContain('virsh');
  });
});

describe('words', () => {
  it('of times and connections', () => {
    expect(utc(null)).toBe('-');
    expect(utc(1e300)).toBe('-');
    const authentication = { method: 'agent' as const };
    const jump = { address: 'jump', port: 22, user: 'me', authentication };
    expect(
      connectionText({ transport: 'ssh', address: '::1', port: 2222, user: 'root', authentication, jumps: [jump] }),
    ).toBe('ssh root@[::1]:2222 via me@jump:22');
  });
});
