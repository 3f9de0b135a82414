/** Guests that write to their disks all the time: round and round over a part of a disk, another byte each time. */
import { fill, storedBytes, type Content } from '../images/content.ts';
import { writableFileDisks } from './definition.ts';
import type { GuestWrites, LiveVm, Vm } from './model.ts';
import { changeVm, type World } from './world.ts';

/** What the guest writes per second to a disk as things are now, and to how much of it. */
export function writesTo({ guest, live }: Vm, target: string): { readonly perSecond: number; readonly bytes: number } {
  const writes = live && isWriting(live) ? guest.writes.filter((each) => each.target === target) : [];
  return {
    perSecond: writes.reduce((sum, { bytesPerSecond }) => sum + bytesPerSecond, 0),
    bytes: writes.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

const isWriting = ({ state, frozen }: LiveVm): boolean => state === 'running' && frozen !== true;

/** Brings what guests wrote since this was called last into their images. One that finds no room is paused, as QEMU does it. */
export function guestsWrite(world: World): void {
  for (const vm of world.state.vms) {
    const { live, guest, uuid } = vm;
    if (!live || guest.writes.length === 0) continue;
    const { at, seconds } = live.wrote;
    const until = isWriting(live) ? seconds + Math.max(0, world.now() - at) : seconds;
    const found = guest.writes.map((each) => write(world, live, each, seconds, until));
    const wrote = { at: world.now(), seconds: until };
    if (found.every((hasRoom) => hasRoom)) changeVm(world, uuid, { live: { ...live, wrote } });
    else {
      const memory = { ...live.memory, countingSince: null };
      world.tell({
        vm: changeVm(world, uuid, { live: { ...live, wrote, memory, state: 'paused', reason: 'I/O error' } }),
        what: 'Suspended I/O Error',
      });
    }
  }
}

/** Gives whether there was room for it. */
function write(world: World, live: LiveVm, writes: GuestWrites, from: number, until: number): boolean {
  const path = writableFileDisks(live.definition).find(({ target }) => target === writes.target)?.path;
  const image = path === undefined ? null : world.files.imageAt(path);
  if (path === undefined || !image) return true;
  const content = written(image.content, writes, from, until);
  if (content === image.content) return true;
  if (storedBytes([content]) - storedBytes([image.content]) > world.freeBytes(path)) return false;
  world.files.putImage(path, { ...image, content });
  return true;
}

/** @param from for how many seconds the guest has written before @param until and after */
function written(content: Content, writes: GuestWrites, from: number, until: number): Content {
  const { start, bytes, bytesPerSecond } = writes;
  const end = Math.floor(until * bytesPerSecond);
  let now = content;
  // Of rounds that were written over nothing is left.
  for (let position = Math.max(Math.floor(from * bytesPerSecond), end - bytes); position < end;) {
    const at = position % bytes;
    const length = Math.min(end - position, bytes - at);
    now = fill(now, { start: start + at, end: start + at + length, byte: byteOf(Math.floor(position / bytes)) });
    position += length;
  }
  return now;
}

/** What a guest writes in a round over its part of the disk. */
const byteOf = (round: number): number => 0x80 + (round % 0x40);
