/** What was not read or is not certain, each thing once: one rule for the command line and for reports. Pure. */
import type { Problem, UnknownDependents, UnreadSubject } from '../../model/inventory.ts';

export interface UnreadFact {
  readonly what: string;
  readonly reason: string;
  /** Absent where it stands in no other list. */
  readonly subject?: UnreadSubject;
  /** It may depend on images as well. */
  readonly mayDepend?: true;
}

/**
 * One list of several in which the same may stand. What is about the same subject is the same thing: of a doubt about who
 * depends on images that the facts tell already, that it is one is kept, and of a problem nothing more.
 *
 * @param facts what is known not to have been read; no two of them are one, whatever they say
 * @param doubts what may depend on images
 * @param problems of the host
 */
export function unreadThings(
  facts: readonly UnreadFact[],
  doubts: readonly UnknownDependents[],
  problems: readonly Problem[],
): readonly UnreadFact[] {
  const doubted = new Set(doubts.flatMap(({ subject }) => (subject ? [subjectKey(subject)] : [])));
  const told = new Set<string>();
  const isNew = ({ subject }: { readonly subject?: UnreadSubject | undefined }): boolean => {
    if (!subject) return true;
    const key = subjectKey(subject);
    return !told.has(key) && told.add(key).has(key);
  };
  for (const fact of facts) isNew(fact);
  // What is possible before what is remote: the one that counts is the one that is told.
  const sorted = [...doubts].sort((a, b) => rankOf(a) - rankOf(b));
  const ofDoubts = new Set(sorted.filter(isNew));
  return [
    ...facts.map((fact) =>
      fact.subject && doubted.has(subjectKey(fact.subject)) ? { ...fact, mayDepend: true as const } : fact,
    ),
    ...doubts.flatMap((doubt): UnreadFact[] => {
      const { what, reason, subject } = doubt;
      return ofDoubts.has(doubt) ? [{ what, reason, ...(subject && { subject }), mayDepend: true }] : [];
    }),
    ...problems.filter(isNew).map(({ message, subject }): UnreadFact => ({
      what: 'the host',
      reason: message,
      ...(subject && { subject }),
    })),
  ];
}

function rankOf({ likelihood }: UnknownDependents): number {
  return likelihood === 'remote' ? 1 : 0;
}

/** Equal for the same thing. */
export function subjectKey(subject: UnreadSubject): string {
  switch (subject.kind) {
    case 'vm':
      return JSON.stringify([subject.kind, subject.uuid]);
    case 'image':
      return JSON.stringify([subject.kind, subject.id, subject.part]);
    case 'folder':
      return JSON.stringify([subject.kind, subject.path, subject.part]);
    case 'source':
      return JSON.stringify([subject.kind, subject.reference]);
    case 'host':
      return JSON.stringify([subject.kind, subject.part]);
  }
}
