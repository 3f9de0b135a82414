import { expect, it } from 'vitest';
import { disk, image, inventory, vm } from '../../model/inventory.fixtures.ts';
import type { ImageUse } from '../../model/inventory.ts';
import { soundFindings } from '../findings/last-copies.fixtures.ts';
import { otherAtNextStart } from './next-start.ts';
import { defaultReportThresholds } from '../findings/report-thresholds.ts';

const use = (imageId: string, parts: Partial<ImageUse> = {}): ImageUse => ({
  imageId,
  use: 'disk',
  place: 'vda',
  by: 'nextStart',
  snapshotName: null,
  format: 'qcow2',
  ...parts,
});
const running = (...uses: ImageUse[]) => vm({ state: 'running', disks: [disk('vda', '/now')], uses });

it('says which disk will be another image, as a finding too', () => {
  const one = running(use('/next'));
  expect(otherAtNextStart(one)).toMatchObject([{ disk: { target: 'vda' }, imageId: '/next' }]);
  const [only, ...others] = soundFindings(
    'host',
    inventory([one], [image('/now'), image('/next')]),
    defaultReportThresholds,
    0,
  );
  expect(others).toEqual([]);
  expect(only).toMatchObject({ code: 'nextStartDiffers', severity: 'warning', path: '/now' });
  expect(only?.message).toContain('from its next start on will use /next instead');
});

it('says nothing of another format of the same image, of backing images, of other testimonies and of media', () => {
  const uses = [
    use('/now', { format: 'raw' }),
    use('/base', { use: 'backing' }),
    use('/other', { by: 'savedMemory' }),
    use('/cd.iso', { place: 'hda' }),
  ];
  const cdrom = disk('hda', '/old.iso', { device: 'cdrom', readOnly: true });
  expect(otherAtNextStart(vm({ disks: [disk('vda', '/now'), cdrom], uses }))).toEqual([]);
});
