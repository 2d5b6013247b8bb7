import type { ByteWriter } from './byte-writer.js';
import type { Charset } from './charset.js';
import { malformedEvent } from './event-bytes.js';
import { maxHeaderBytes, writeTextHeader } from './message-bytes.js';
import type { ValueWriter } from './value-writer.js';

/** Labels of an ENUM or SET, which travel in the column's charset, as UTF-8. */
export function labelsInUtf8(labels: readonly Buffer[], charset: Charset): Buffer[] {
  const losses = { count: 0 };
  return labels.map((label) => {
    const out = Buffer.alloc(label.length * charset.growth);
    return out.subarray(0, charset.convert(label, 0, label.length, out, 0, losses));
  });
}

/** The msgpack text of each ENUM value by its index; index 0 is the empty string of a value that was refused. */
export const enumMessages = (labels: readonly Buffer[]): Buffer[] =>
  [Buffer.alloc(0), ...labels].map((label) => {
    const message = Buffer.alloc(maxHeaderBytes + label.length);
    const at = writeTextHeader(message, 0, label.length);
    label.copy(message, at);
    return message.subarray(0, at + label.length);
  });

/** A SET: one bit for each label, little-endian; written as the labels that are there, joined by commas. */
export class SetWriter implements ValueWriter {
  readonly #labels: readonly Buffer[];

  constructor(labels: readonly Buffer[]) {
    this.#labels = labels;
  }

  write(bytes: Buffer, from: number, end: number, out: ByteWriter): void {
    const labels = this.#labels;
    let length = -1;
    for (let bit = 0; bit < (end - from) * 8; bit++) {
      if (((bytes[from + (bit >> 3)]! >> (bit & 7)) & 1) === 0) continue;
      const label = labels[bit];
      if (label === undefined) throw malformedEvent('SET value without a label');
      length += label.length + 1;
    }
    out.ensure(maxHeaderBytes + Math.max(length, 0));
    const { buffer } = out;
    let at = writeTextHeader(buffer, out.length, Math.max(length, 0));
    const start = at;
    for (let bit = 0; bit < labels.length; bit++) {
      if (((bytes[from + (bit >> 3)]! >> (bit & 7)) & 1) === 0) continue;
      if (at > start) buffer[at++] = 44;
      at += labels[bit]!.copy(buffer, at);
    }
    out.length = at;
  }
}
