import { schemaIdOf, TransactionSet, type TableVersion } from '@drc/protocol';
import type { GroupHeader } from '../log/transaction-log.js';
import type { GroupLog } from './group-log.js';
import { PartsDigest, type PartsResult } from './parts-digest.js';

/** A transaction that was read again. */
export interface ReadTransaction {
  /** µs since 1970 */
  readonly commitTime: number;
  /** Absent where its rows do not stand in it: it decides about what was prepared before (XA), or prepares it. */
  readonly digests: PartsResult | undefined;
  /** `schema.table` by schema id. */
  readonly names: ReadonlyMap<string, string>;
}

/** A log that keeps nothing: of one transaction it takes the digest, of all others nothing. */
export class DigestLog implements GroupLog {
  readonly capture = { executed: new TransactionSet(), position: undefined };
  readonly #id: string;
  readonly #schemaIds = new Map<TableVersion, Buffer>();
  readonly #columns = new Map<string, number>();
  readonly #names = new Map<string, string>();
  #open: GroupHeader | undefined = undefined;
  /** The digest behind each chunk so far: savepoints take chunks back. */
  #digests: PartsDigest[] = [];
  #chunks = 0;
  #isElsewhere = false;
  #found: ReadTransaction | undefined = undefined;

  /** @param id the transaction that is looked for */
  constructor(id: string) {
    this.#id = id;
  }

  /** Set once the transaction was read to its end. */
  get found(): ReadTransaction | undefined {
    return this.#found;
  }

  /** The commit time of the transaction while it is being read. */
  get openCommitTime(): number | undefined {
    return this.#open?.id === this.#id ? this.#open.commitTime : undefined;
  }

  get openGroupChunks(): number {
    return this.#chunks;
  }

  registerTable(version: TableVersion): Buffer {
    const known = this.#schemaIds.get(version);
    if (known !== undefined) return known;
    const id = schemaIdOf(version);
    this.#schemaIds.set(version, id);
    this.#columns.set(id.toString('hex'), version.columns.length);
    this.#names.set(id.toString('hex'), `${version.schema}.${version.table}`);
    return id;
  }

  raiseTime(): void {}

  beginGroup(header: GroupHeader): void {
    this.#open = header;
    this.#digests = [];
    this.#chunks = 0;
    this.#isElsewhere = false;
  }

  setOrigin(): void {}

  putChunk(parts: Buffer): void {
    this.#chunks++;
    if (this.#open?.id !== this.#id) return;
    const digest = this.#digests.at(-1)?.clone() ?? new PartsDigest();
    digest.add(parts, 0, (schemaId) => this.#columns.get(schemaId) ?? 0);
    this.#digests.push(digest);
  }

  truncateGroup(chunks: number): void {
    this.#chunks = chunks;
    this.#digests.length = Math.min(this.#digests.length, chunks);
  }

  endGroup(lastParts: Buffer): void {
    this.putChunk(lastParts);
    if (this.#open?.id === this.#id)
      this.#found = {
        commitTime: this.#open.commitTime,
        digests: this.#isElsewhere ? undefined : this.#digests.at(-1)!.result(),
        names: this.#names,
      };
    this.abandonGroup();
  }

  abandonGroup(): void {
    this.#open = undefined;
    this.#digests = [];
    this.#chunks = 0;
  }

  prepareGroup(): void {
    this.#isElsewhere = true;
  }

  endPrepare(lastParts: Buffer): void {
    this.endGroup(lastParts);
  }

  async endPreparedAtOnce(lastParts: Buffer): Promise<void> {
    this.endGroup(lastParts);
  }

  isPrepared(): boolean {
    return true;
  }

  async commitPrepared(): Promise<void> {
    this.#isElsewhere = true;
    this.endGroup(Buffer.alloc(0));
  }

  rollBackPrepared(): void {
    this.#isElsewhere = true;
  }

  movePosition(): void {}
}
