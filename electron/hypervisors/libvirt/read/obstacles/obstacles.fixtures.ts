/** What VMs of tests need to start. */

/** The header of a Linux kernel (Documentation/arch/x86/boot.rst, protocol 2.03) and nothing behind it. */
export function kernelThatTakesInitrd(): Buffer {
  const kernel = Buffer.alloc(256 * 1024);
  kernel.writeUInt8(4, 0x1f1);
  kernel.write('HdrS', 0x202);
  kernel.writeUInt16LE(0x0203, 0x206);
  kernel.writeUInt8(1, 0x211);
  kernel.writeUInt32LE(0x37ffffff, 0x22c);
  return kernel;
}
