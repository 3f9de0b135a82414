import { run } from './run.ts';

export interface EncryptedImageSpec {
  /** A qcow2 image with LUKS inside, or LUKS and nothing else. */
  readonly format: 'qcow2' | 'luks';
  /** As qemu-img takes it, such as `16M`. */
  readonly size: string;
  readonly passphrase: string;
}

const mostAttempts = 20;

/**
 * Makes an encrypted image at `path`. qemu-img first measures how fast this machine derives a key, by processor time
 * that the kernel may count in ticks; where its shortest round falls between two of them it gives up ("Unable to get
 * accurate CPU usage", crypto/pbkdf.c) and nothing is made. That is no matter of the image: it is asked again.
 */
export async function createEncryptedImage(path: string, spec: EncryptedImageSpec): Promise<void> {
  const { format, size, passphrase } = spec;
  const prefix = format === 'qcow2' ? 'encrypt.' : '';
  const options = [
    ...(format === 'qcow2' ? ['encrypt.format=luks'] : []),
    `${prefix}key-secret=key`,
    `${prefix}iter-time=10`,
  ].join(',');
  const argv = [
    'create',
    '-q',
    '-f',
    format,
    '--object',
    `secret,id=key,data=${passphrase}`,
    '-o',
    options,
    path,
    size,
  ];
  for (let attempt = 1; ; attempt += 1) {
    const { exitCode, stderr } = await run('qemu-img', argv, { expect: [0, 1] });
    if (exitCode === 0) return;
    if (!stderr.includes('Unable to get accurate CPU usage') || attempt === mostAttempts) {
      throw new Error(`qemu-img made no encrypted image at ${path}: ${stderr}`);
    }
  }
}
