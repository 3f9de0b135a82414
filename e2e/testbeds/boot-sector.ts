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
  const sector = Buffer.alloc(512);
  Buffer.from(code, 'base64').copy(sector);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}
