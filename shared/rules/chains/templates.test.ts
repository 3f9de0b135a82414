import { describe, expect, it } from 'vitest';
import { disk, image, overlay, vm } from '../../model/inventory.fixtures.ts';
import type { Image, ReadableVm } from '../../model/inventory.ts';
import { templatesOf, type Template } from './templates.ts';

const machine = (name: string, ...images: readonly string[]): ReadableVm =>
  vm({ name, uuid: `uuid of ${name}`, disks: images.map((id, index) => disk(`vd${'abc'.charAt(index)}`, id)) });

/** As an outline: the image, the VMs that write to it, its instances, and what is below. */
const outline = (templates: readonly Template[]): unknown =>
  templates.map(({ image: { id }, vms, instances, templates: below }) => [
    id,
    vms.map(({ name }) => name),
    instances.map(({ vm: { name }, targets }) => `${name}: ${targets.join(' ')}`),
    outline(below),
  ]);

const of = (images: readonly Image[], ...vms: readonly ReadableVm[]) =>
  outline(templatesOf({ vms: [...vms], images: [...images] }));

describe('templates', () => {
  it('are the images at which the chains of several VMs part, with the VM that has it as its own', () => {
    const images = [image('/golden'), overlay('/a', '/golden'), overlay('/b', '/golden'), overlay('/b1', '/b')];
    expect(of(images, machine('golden', '/golden'), machine('b', '/b1'), machine('a', '/a'))).toEqual([
      ['/golden', ['golden'], ['a: vda', 'b: vda'], []],
    ]);
  });

  it('are not every image below where they part, and hang on each other', () => {
    const images = [
      image('/base'),
      overlay('/patched', '/base'),
      overlay('/web', '/patched'),
      ...['/1', '/2'].map((id) => overlay(id, '/web')),
      overlay('/3', '/patched'),
    ];
    expect(of(images, machine('one', '/1'), machine('two', '/2'), machine('three', '/3'))).toEqual([
      ['/patched', [], ['three: vda'], [['/web', [], ['one: vda', 'two: vda'], []]]],
    ]);
  });

  it('name each VM once with all of its disks, and none that stands alone', () => {
    const images = [image('/base'), ...['/1a', '/1b', '/2'].map((id) => overlay(id, '/base')), image('/own')];
    expect(of(images, machine('one', '/1a', '/1b'), machine('two', '/2'), machine('alone', '/own'))).toEqual([
      ['/base', [], ['one: vda vdb', 'two: vda'], []],
    ]);
    // The snapshots of one VM make no template.
    expect(of(images, machine('one', '/1a', '/1b'), machine('alone', '/own'))).toEqual([]);
  });

  it('end where chains are loops or are not known', () => {
    const images = [overlay('/x', '/y'), overlay('/y', '/x')];
    expect(of(images, machine('one', '/x'), machine('two', '/y'), machine('three', '/nowhere'))).toHaveLength(2);
  });
});
