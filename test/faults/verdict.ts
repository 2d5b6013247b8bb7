/*
 * What must hold of a run, judged from what the source has in the end and from what each reader wrote down.
 */

/** One line of a reader's notes. */
export type Note =
  /** It was started, or started anew. */
  | { readonly begin: number }
  /** A transaction: its id, the numbers of the ledger in it, and a hash of all its content. */
  | { readonly id: string; readonly numbers: readonly number[]; readonly hash: string }
  /** What it committed has reached its checkpoint. */
  | { readonly committed: string }
  /** The loop ended with an error. */
  | { readonly error: string };

export interface Evidence {
  /** The numbers of the ledger that the source has in the end: one transaction each, in the order of commit. */
  readonly numbers: readonly number[];
  /** By the reader's name. */
  readonly notes: ReadonlyMap<string, readonly Note[]>;
  /** Where a transaction stands in the source's order: greater is later. */
  readonly orderOf: (id: string) => number;
}

/** What was wrong, in sentences; none: all promises held. */
export function faultsOf({ numbers, notes, orderOf }: Evidence): string[] {
  const faults: string[] = [];
  const contents = new Map<string, { readonly hash: string; readonly reader: string }>();
  for (const [reader, lines] of notes) {
    const found = new ReaderFaults(reader, orderOf);
    for (const line of lines) {
      found.take(line);
      if (!('id' in line)) continue;
      const first = contents.get(line.id);
      if (first === undefined) contents.set(line.id, { hash: line.hash, reader });
      else if (first.hash !== line.hash)
        faults.push(`${line.id} was one thing for ${first.reader} and another for ${reader}`);
    }
    faults.push(...found.faults, ...sequenceFaults(reader, numbers, found.numbers));
  }
  return faults;
}

/** Follows one reader. */
class ReaderFaults {
  readonly faults: string[] = [];
  /** The numbers of the ledger, each when it came for the first time. */
  readonly numbers: number[] = [];
  readonly #reader: string;
  readonly #orderOf: (id: string) => number;
  /** The newest transaction that ever came, the one before in this life, and the newest one committed. */
  #newest = Number.NEGATIVE_INFINITY;
  #before = Number.NEGATIVE_INFINITY;
  #committed = Number.NEGATIVE_INFINITY;

  constructor(reader: string, orderOf: (id: string) => number) {
    this.#reader = reader;
    this.#orderOf = orderOf;
  }

  take(note: Note): void {
    if ('begin' in note) {
      this.#before = this.#committed;
    } else if ('committed' in note) {
      this.#committed = this.#orderOf(note.committed);
    } else if ('error' in note) {
      this.faults.push(`${this.#reader} ended with ${note.error}`);
    } else {
      const place = this.#orderOf(note.id);
      if (place <= this.#before)
        this.faults.push(
          `${this.#reader} got ${note.id} again, or too late, although it had gone on behind it`,
        );
      this.#before = place;
      if (place <= this.#newest) return;
      this.#newest = place;
      this.numbers.push(...note.numbers);
    }
  }
}

/** @param wanted what is there @param got what came */
function sequenceFaults(reader: string, wanted: readonly number[], got: readonly number[]): string[] {
  const at = wanted.findIndex((number, index) => number !== got[index]);
  if (at >= 0) return [`${reader} got ${got[at] ?? 'nothing'} where ${wanted[at]} was due (place ${at})`];
  return got.length > wanted.length
    ? [`${reader} got ${got[wanted.length]}, which the source does not have`]
    : [];
}
