/**
 * The guest of every VM of the testbed: a 512-byte boot sector that counts in RAM and prints the count, four hex
 * digits a line, on the serial port about twice a second. When memory is reverted, the count is seen to go back.
 *
 * Made from boot-sector.S, so that nobody needs binutils to run the tests:
 *   as --32 -o b.o boot-sector.S && ld -m elf_i386 -Ttext 0x7c00 --oformat binary -o b.bin b.o && head -c 75 b.bin | base64
 */
const code = '+jHAjtiO0LwAcPvHBgAFAAD/BgAFix4ABbkEAMHDBIjYJA8EMDw5dgIEB+gUAOLssA3oDQCwCugIALkJAPTi/evPuvgD7sMA';

/** The 512 bytes of the boot sector, with its signature. */
export function bootSector(): Buffer {
  return sectorOf(code);
}

/** As above, from writing-boot-sector.S, of which 92 bytes are code. */
const writingCode =
  '+jHAjtiO0LwAcPtmxwYAgAAAAAD0uQQAUWb/BgCAZqEAgGYl/wEAAGbB4AhmBUAAAgBmo018vkV8soC4AEPNE1ni1evPEAB/AACAAAAAAAAAAAAAAAAAAAAAAAA=';

/** Where the guest of `writingBootSector` writes: the first bytes of so many places hold a count, little-endian, of 32 bits. */
export const written = { offset: 64 * 1024 ** 2 + 32_768, places: 512, distance: 131_072 } as const;

/**
 * A guest that counts, and writes each count to the disk: to the place count modulo places. So the places hold the last counts
 * without a gap, or a write was lost. About 18 times as many a second as are given, each of which makes 128 KiB to be copied anew.
 */
export function writingBootSector(writesPerTick: number): Buffer {
  const sector = sectorOf(writingCode);
  // The number that the code has there is 4.
  sector.writeUInt16LE(writesPerTick, 22);
  return sector;
}

/** As the first, from obeying-boot-sector.S, of which 100 bytes are code. */
const obeyingCode =
  '+jHAjtiO0LwAcLoCBrgAAe/koQwC5qH7xwYABQAAugAG7akAAXQHugQGuAAg7/8GAAWLHgAFuQQAwcMEiNgkDwQwPDl2AgQH6BQA4uywDegNALAK6AgAuQkA9OL967+6+APuww==';

/** A guest that counts, and ends the machine within a second where its power button is pressed (ACPI). The others take no notice of it. */
export function obeyingBootSector(): Buffer {
  return sectorOf(obeyingCode);
}

function sectorOf(base64: string): Buffer {
  const sector = Buffer.alloc(512);
  Buffer.from(base64, 'base64').copy(sector);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}
