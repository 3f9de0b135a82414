/**
 * What the header of a qcow2 image says by itself: all that is to be known of most images, without a process for each.
 *
 * Source: QEMU, docs/interop/qcow2.txt. Numbers are big-endian.
 */
import { recordedBacking, type QemuImageInfo } from './qemu-image-info.ts';

/** Bit 0, dirty: refcounts may be inaccurate. Everything else changes what can be read without more knowledge. */
const harmlessFeatures = 1n;
const backingFormatExtension = 0xe2792aca;
const featureNamesExtension = 0x6803f857;
const maximumFormatName = 15;
const maximumL1Bytes = 32 * 1024 ** 2;
const maximumRefcountTableBytes = 8 * 1024 ** 2;
/** A name longer than this is not allowed. */
const maximumBackingName = 1023;

/**
 * What `qemu-img info` would say; null where that must be asked itself: for internal snapshots, encryption, external data
 * files, a mark of damage, anything that is not as it should be, and whatever does not fit into `bytes`.
 *
 * @param bytes the beginning of the file
 */
export function parseQcow2Header(
  bytes: Uint8Array,
  file: { readonly sizeBytes: number; readonly allocatedBytes: number },
): QemuImageInfo | null {
  if (bytes.length < 112) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = view.getUint32(4);
  if (view.getUint32(0) !== 0x514649fb || (version !== 2 && version !== 3)) return null;
  const clusterBits = view.getUint32(20);
  const isEncrypted = view.getUint32(32) !== 0;
  const snapshotCount = view.getUint32(60);
  if (clusterBits < 9 || clusterBits > 21 || isEncrypted || snapshotCount !== 0) return null;
  const headerLength = version === 3 ? view.getUint32(100) : 72;
  if (version === 3 && !isPlainVersion3(view, headerLength)) return null;

  const clusterBytes = 2 ** clusterBits;
  const virtualBytes = Number(view.getBigUint64(24));
  const tables: Tables = {
    l1Entries: view.getUint32(36),
    l1Offset: Number(view.getBigUint64(40)),
    refcountOffset: Number(view.getBigUint64(48)),
    refcountBytes: view.getUint32(56) * clusterBytes,
  };
  const snapshotOffset = Number(view.getBigUint64(64));
  if (virtualBytes % 512 !== 0 || snapshotOffset % clusterBytes !== 0) return null;
  if (!Number.isSafeInteger(virtualBytes) || !Number.isSafeInteger(snapshotOffset)) return null;
  if (!areTablesWhole(tables, virtualBytes, clusterBytes, file.sizeBytes)) {
    return null;
  }
  const backingOffset = Number(view.getBigUint64(8));
  const backingLength = view.getUint32(16);
  // With an offset alone QEMU looks for extensions up to there, and for more that makes it refuse the image.
  if ((backingOffset === 0) !== (backingLength === 0) || backingOffset > clusterBytes) return null;
  const hasBacking = backingOffset !== 0;
  if (hasBacking && (backingLength > maximumBackingName || backingOffset + backingLength > bytes.length)) return null;
  if (hasBacking && backingOffset < headerLength) return null;
  const format = backingFormat(view, headerLength, hasBacking ? backingOffset : Math.min(clusterBytes, bytes.length));
  const recorded = hasBacking ? text(bytes.subarray(backingOffset, backingOffset + backingLength)) : null;
  if (format === undefined || recorded === undefined) return null;
  return {
    format: 'qcow2',
    virtualBytes,
    allocatedBytes: file.allocatedBytes,
    clusterBytes,
    backing: recorded === null ? null : recordedBacking(recorded, null, format),
    internalSnapshots: [],
    // An image with bitmaps has an autoclear feature, and is not taken apart here.
    bitmaps: [],
    // Version 2 has no such mark.
    corrupt: version === 3 ? false : null,
    encryption: null,
  };
}

interface Tables {
  readonly l1Entries: number;
  readonly l1Offset: number;
  readonly refcountOffset: number;
  readonly refcountBytes: number;
}

function isPlainVersion3(view: DataView, headerLength: number): boolean {
  const incompatible = view.getBigUint64(72);
  const autoclear = view.getBigUint64(88);
  const refcountOrder = view.getUint32(96);
  const compression = headerLength > 104 ? view.getUint8(104) : 0;
  return (
    (incompatible & ~harmlessFeatures) === 0n &&
    autoclear === 0n &&
    refcountOrder <= 6 &&
    compression === 0 &&
    headerLength >= 104 &&
    headerLength <= 112 &&
    headerLength % 8 === 0
  );
}

/** As qemu-img checks it on opening: a table that is too small, misplaced or cut off is damage. */
function areTablesWhole(
  { l1Entries, l1Offset, refcountOffset, refcountBytes }: Tables,
  virtualBytes: number,
  clusterBytes: number,
  fileBytes: number,
): boolean {
  const bytesPerEntry = clusterBytes * (clusterBytes / 8);
  return (
    l1Entries * 8 <= maximumL1Bytes &&
    refcountBytes <= maximumRefcountTableBytes &&
    l1Entries >= Math.ceil(virtualBytes / bytesPerEntry) &&
    l1Offset % clusterBytes === 0 &&
    refcountOffset % clusterBytes === 0 &&
    refcountOffset !== 0 &&
    refcountBytes > 0 &&
    l1Offset + l1Entries * 8 <= fileBytes &&
    refcountOffset + refcountBytes <= fileBytes
  );
}

/** The recorded format of the backing image; null where none is, undefined where the extensions make no sense. */
function backingFormat(view: DataView, start: number, end: number): string | null | undefined {
  let format: string | null | undefined = null;
  for (let at = start; at + 8 <= end;) {
    const type = view.getUint32(at);
    const length = view.getUint32(at + 4);
    if (at + 8 + length > end) return undefined;
    if (type === 0) return format;
    if (type === backingFormatExtension) {
      if (length > maximumFormatName) return undefined;
      format = text(new Uint8Array(view.buffer, view.byteOffset + at + 8, length));
      if (format === undefined) return undefined;
    } else if (type !== featureNamesExtension) return undefined;
    at += 8 + Math.ceil(length / 8) * 8;
  }
  // Without an end before the backing name there is none; QEMU stops there as well.
  return end < view.byteLength ? format : undefined;
}

/** UTF-8; undefined where it is none, since the name could not be told to the host again. */
function text(bytes: Uint8Array): string | undefined {
  try {
    const decoded = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return decoded.includes('\0') ? undefined : decoded;
  } catch {
    return undefined;
  }
}
