/*
 * What must hold of a run, judged from what the source has in the end and from what each reader wrote down.
 */

/** One line of a reader's notes. */
export type Note =
  /** It was started, or started anew. */
  | { readonly begin: number }
  /** A transaction: its id, the numbers of the ledger in it, its DDL, a hash of all its content, and when it came (ms since 1970). */
  | {
      readonly id: string;
      readonly numbers: readonly number[];
      readonly ddl: readonly string[];
      readonly hash: string;
      readonly at: number;
    }
  /** What it committed has reached its checkpoint. */
  | { readonly committed: string }
  /** The loop ended with an error. */
  | { readonly error: string };

export interface ReaderEvidence {
  readonly name: string;
  /** Readers of one view must see the same content of a transaction. */
  readonly view: string;
  /** It gets a share of the rows: only all readers of shares together have each number. */
  readonly isShare: boolean;
  readonly notes: readonly Note[];
}

export interface Evidence {
  /** The numbers of the ledger that the source has in the end: one transaction each, in the order of commit. */
  readonly numbers: readonly number[];
  readonly readers: readonly ReaderEvidence[];
  /** Where a transaction stands in the source's order: greater is later. */
  readonly orderOf: (id: string) => number;
}

/** What was wrong, in sentences; none: all promises held. */
export function faultsOf({ numbers, readers, orderOf }: Evidence): string[] {
  const faults: string[] = [];
  const contents = new Map<string, { readonly hash: string; readonly reader: string }>();
  const shared: number[] = [];
  for (const { name, view, isShare, notes } of readers) {
    const found = new ReaderFaults(name, orderOf);
    for (const line of notes) {
      found.take(line);
      if (!('id' in line)) continue;
      const first = contents.get(`${view} ${line.id}`);
      if (first === undefined) contents.set(`${view} ${line.id}`, { hash: line.hash, reader: name });
      else if (first.hash !== line.hash)
        faults.push(`${line.id} was one thing for ${first.reader} and another for ${name}`);
    }
    faults.push(...found.faults);
    if (isShare) {
      faults.push(...disorderFaults(name, found.numbers));
      shared.push(...found.numbers);
    } else faults.push(...sequenceFaults(name, numbers, found.numbers));
  }
  if (readers.some(({ isShare }) => isShare)) {
    const together = shared.toSorted((one, other) => one - other);
    faults.push(...sequenceFaults('all shares together', numbers, together));
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

/** The writer counts upwards. */
function disorderFaults(reader: string, got: readonly number[]): string[] {
  const at = got.findIndex((number, index) => index > 0 && number <= got[index - 1]!);
  return at < 0 ? [] : [`${reader} got ${got[at]} behind ${got[at - 1]}`];
}
