import type { ByteWriter } from './byte-writer.js';
import type { Charset, Losses } from './charset.js';
import {
  copyBytes,
  maxHeaderBytes,
  textHeaderBytes,
  writeBytesHeader,
  writeTextHeader,
} from './message-bytes.js';
import type { ValueWriter } from './value-writer.js';

/** Text in a charset other than UTF-8. */
export class TextWriter implements ValueWriter {
  readonly #charset: Charset;
  readonly #losses: Losses;

  constructor(charset: Charset, losses: Losses) {
    this.#charset = charset;
    this.#losses = losses;
  }

  write(bytes: Buffer, from: number, end: number, out: ByteWriter): void {
    const length = end - from;
    out.ensure(maxHeaderBytes + length * this.#charset.growth);
    const { buffer, length: at } = out;
    // Written behind the header that ASCII text would need, and moved where it turned out to need another.
    const guess = textHeaderBytes(length);
    const behind = this.#charset.convert(bytes, from, end, buffer, at + guess, this.#losses);
    const written = behind - at - guess;
    const header = textHeaderBytes(written);
    if (header !== guess) buffer.copyWithin(at + header, at + guess, behind);
    writeTextHeader(buffer, at, written);
    out.length = at + header + written;
  }
}

/** Bytes as they are. */
export class BytesWriter implements ValueWriter {
  write(bytes: Buffer, from: number, end: number, out: ByteWriter): void {
    out.ensure(maxHeaderBytes + end - from);
    const at = writeBytesHeader(out.buffer, out.length, end - from);
    out.length = copyBytes(bytes, from, end, out.buffer, at);
  }
}
