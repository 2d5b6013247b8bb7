import { open, rm, type FileHandle } from 'node:fs/promises';
import { DrcError, type ExportHeader } from '@drc/protocol';
import type { FrameSink } from '../serve/frame-writer.js';
import { encodeExportHeader, endOfExport } from './export-format.js';

/** A file that frames are sent into, one after the other. Unless it was finished, it is removed when it is disposed of. */
export class ExportFile implements FrameSink, AsyncDisposable {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #headerBytes: number;
  readonly #fail: (error: unknown) => void;
  #written: Promise<void> = Promise.resolve();
  #isFinished = false;

  private constructor(path: string, file: FileHandle, headerBytes: number, fail: (error: unknown) => void) {
    this.#path = path;
    this.#file = file;
    this.#headerBytes = headerBytes;
    this.#fail = fail;
  }

  /**
   * @param header with the greatest counts that it may get
   * @param fail called when a frame cannot be written
   * @throws DrcError `DATA_FOLDER` where the file is there already, or cannot be made
   */
  static async create(
    path: string,
    header: ExportHeader,
    fail: (error: unknown) => void,
  ): Promise<ExportFile> {
    let file: FileHandle;
    try {
      file = await open(path, 'wx', 0o600);
    } catch (cause) {
      const why = (cause as NodeJS.ErrnoException).code === 'EEXIST' ? 'exists already' : 'cannot be made';
      throw new DrcError('DATA_FOLDER', `${path} ${why}.`, { path }, { cause });
    }
    const room = encodeExportHeader(header);
    await file.appendFile(room);
    return new ExportFile(path, file, room.length, fail);
  }

  send(frame: Buffer, done: () => void): void {
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32LE(frame.length, 0);
    this.#written = this.#written.then(async () => {
      try {
        await this.#file.appendFile(Buffer.concat([length, frame]));
      } catch (error) {
        this.#fail(error);
      }
      done();
    });
  }

  /** Writes the end and the header as it is now, and makes it all last. @returns the size of the file, bytes */
  async finish(header: ExportHeader): Promise<number> {
    await this.#written;
    await this.#file.appendFile(endOfExport);
    const line = encodeExportHeader(header, this.#headerBytes);
    await this.#file.write(line, 0, line.length, 0);
    await this.#file.sync();
    this.#isFinished = true;
    return (await this.#file.stat()).size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#written;
    await this.#file.close();
    if (!this.#isFinished) await rm(this.#path, { force: true });
  }
}
