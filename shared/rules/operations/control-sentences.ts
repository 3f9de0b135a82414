/** What it means to tell a merge that runs to go on otherwise, in sentences that are read before it is done. */

export const pauseMeaning =
  'What is being copied just then is finished first, up to 16 MiB. libvirt cannot pause a merge: it may copy one byte a second then, ' +
  'which is as good as nothing, and the job stays. With a VM that is shut off, qemu-img is stopped (SIGSTOP) and keeps its locks, so the VM does not start.';

export const guestPauseMeaning =
  'Its clock and its network stand still meanwhile (virsh suspend). It goes on (virsh resume) as soon as the merge has ended, however it ' +
  'ends, or when its time is over, also where Snaptree or its command on the host goes away.';

/** For where it cannot catch up. */
export const fallsBehindMeaning =
  'As it is, the merge comes to no end. Raise or lift its speed limit, let the guest write less, or pause the guest for a moment. Or cancel: then the VM stays as it is.';
