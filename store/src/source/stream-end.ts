import type { SourcePosition } from '../log/transaction-log.js';
import { binlogFiles, isLaterFile, type BinlogFile } from './first-position.js';
import type { SourceControl } from './source-control.js';

/** Tells a reader that it has read all that the source had when it began. */
export class StreamEnd {
  readonly #end: BinlogFile | undefined;
  #heartbeat: Buffer | undefined;

  private constructor(end: BinlogFile | undefined) {
    this.#end = end;
  }

  static async of(control: SourceControl): Promise<StreamEnd> {
    return new StreamEnd((await binlogFiles(control)).at(-1));
  }

  /**
   * Whether the end has come; asked for each event.
   * @param place behind it
   * @param heartbeat its bytes, where it is one
   */
  isAt(place: SourcePosition, heartbeat: Buffer | undefined): boolean {
    // One tells how far the source has come. It also sends some while it passes over what is not wanted; two that are equal say
    // that it waits.
    const waits = heartbeat !== undefined && this.#heartbeat?.equals(heartbeat) === true;
    this.#heartbeat = heartbeat && Buffer.from(heartbeat);
    if (waits) return true;
    if (this.#end === undefined) return false;
    const { file, size } = this.#end;
    return place.file === file ? place.offset >= size : isLaterFile(place.file, file);
  }
}
