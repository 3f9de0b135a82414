/** The part of write-file-atomic 7 that is used here; the package has no types of its own. */
declare module 'write-file-atomic' {
  /** Writes a temporary file beside `path`, fsyncs it and renames it over `path`. */
  export default function writeFileAtomic(path: string, data: string, options: { mode: number }): Promise<void>;
}
