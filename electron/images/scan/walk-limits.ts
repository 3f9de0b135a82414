/** How much of a host's storage the walk looks at. */

/** At most so many regular files are looked at in one folder. */
export const maximumFilesPerFolder = 5000;
/** At most so many folders are looked through, and so many subfolders of them. */
export const maximumFolders = 500;
export const maximumSubfolders = 500;
/** Where more images are found by looking round, their headers are read instead of asking qemu-img for each. */
export const maximumCandidates = 64;
/** Holds the header, its extensions and nearly always the backing name. */
export const headerBytes = 1024;
/** How far down subfolders are looked into. Hidden ones are not: `.snapshot`, `.zfs`, `.git`. */
export const maximumDepth = 2;
