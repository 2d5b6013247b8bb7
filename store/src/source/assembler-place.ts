import { DrcError, type ErrorCode } from '@drc/protocol';
import type { SourcePosition } from '../log/transaction-log.js';
import { eventTypeName, type BinlogEvent } from './binlog-events.js';
import type { GroupWriter } from './group-writer.js';

/** Where assembling stands in the source: which file, and in which group. Errors about an event say so. */
export class AssemblerPlace {
  readonly #group: GroupWriter;
  #file: string;
  /** When the source began the file, s since 1970. */
  #begun: number | undefined;

  constructor(group: GroupWriter, { file, begun }: SourcePosition) {
    this.#group = group;
    this.#file = file;
    this.#begun = begun;
  }

  get file(): string {
    return this.#file;
  }

  /** The source goes on in another file. */
  moveTo(file: string): void {
    this.#file = file;
    this.#begun = undefined;
  }

  /** @param begun when the source began the file, s since 1970 */
  fileBegan(begun: number): void {
    this.#begun = begun;
  }

  behind(event: BinlogEvent): SourcePosition {
    return { file: this.#file, offset: event.offset, begun: this.#begun };
  }

  /** @throws DrcError `EVENT_MALFORMED` */
  needBegun(event: BinlogEvent): void {
    if (!this.#group.isBegun) throw this.fault('EVENT_MALFORMED', event, 'it stands outside a transaction');
  }

  /** @param transaction default: the open group */
  fault(code: ErrorCode, event: BinlogEvent, why: string, transaction = this.#group.id): DrcError {
    const name = eventTypeName(event.type);
    const place = `${this.#file}:${event.offset}`;
    return new DrcError(code, `${name} event that ends at ${place}: ${why}.`, {
      event: name,
      file: this.#file,
      offset: event.offset,
      ...(transaction === undefined ? {} : { transaction }),
    });
  }
}
