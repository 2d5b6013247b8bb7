import { crc32 } from 'node:zlib';
import { Checkpoint, DrcError } from '@drc/protocol';

/*
 *   text = "topics-1." crc "." part ("." part)*
 *   crc  = CRC-32 of all that stands behind it, 8 hexadecimal digits: without it a part could be cut off unnoticed
 *   part = text of a topic's checkpoint, which has no dot; in the order of the topics' names
 */
const prefix = 'topics-1.';

/**
 * What a reader of several topics has: a checkpoint for each. Its text is opaque ASCII: keep it and give it back as it is.
 * Immutable.
 */
export class TopicsCheckpoint {
  readonly #parts: ReadonlyMap<string, Checkpoint>;

  /** Of several of one topic the last counts. */
  constructor(parts: Iterable<Checkpoint>) {
    this.#parts = new Map(Array.from(parts, (part) => [part.topic, part]));
  }

  /** Of the text of such a checkpoint, or of that of one topic. @throws DrcError `CHECKPOINT_INVALID`. */
  static parse(text: string): TopicsCheckpoint {
    if (!text.startsWith(prefix)) return new TopicsCheckpoint([Checkpoint.parse(text)]);
    const [crc, ...parts] = text.slice(prefix.length).split('.');
    if (crc !== checksum(parts.join('.')))
      throw new DrcError('CHECKPOINT_INVALID', 'The checkpoint cannot be read: its checksum is wrong.');
    return new TopicsCheckpoint(parts.map((part) => Checkpoint.parse(part)));
  }

  /** In the order of their names. */
  get topics(): readonly string[] {
    return [...this.#parts.keys()].toSorted();
  }

  /** Undefined where it has no place in this topic. */
  of(topic: string): Checkpoint | undefined {
    return this.#parts.get(topic);
  }

  /** Whether the reader has this transaction of this topic. @throws DrcError `CHECKPOINT_INVALID` on an id that is none. */
  covers(topic: string, transactionId: string): boolean {
    return this.#parts.get(topic)?.covers(transactionId) ?? false;
  }

  /** @throws DrcError `CHECKPOINT_INVALID` where the set of a topic has too many holes for a checkpoint. */
  toString(): string {
    const parts = this.topics.map((topic) => this.#parts.get(topic)!.toString()).join('.');
    return `${prefix}${checksum(parts)}.${parts}`;
  }

  toJSON(): string {
    return this.toString();
  }
}

const checksum = (text: string): string => crc32(text).toString(16).padStart(8, '0');
