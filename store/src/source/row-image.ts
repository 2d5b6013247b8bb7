import { compileFunction } from 'node:vm';
import { imageMarker } from '@drc/protocol';
import type { ByteWriter } from './byte-writer.js';
import type { ColumnPlan } from './column-plan.js';
import { malformedEvent } from './event-bytes.js';
import { nilByte } from './message-bytes.js';

/**
 * Rewrites the columns of one block of an image: their bits of NULL stand from `nulls` on, their values begin at `read`.
 * Returns where the values of the next block begin.
 */
type BlockProgram = (bytes: Buffer, nulls: number, read: number, end: number, out: ByteWriter) => number;

/** Columns compiled into one function: much larger ones are not optimised. A multiple of eight. */
const blockColumns = 32;

/**
 * Rewrites row images of one table with one set of columns present. Compiled: each column has its own call, of a
 * function that is known there, so that it is optimised together with what is around it.
 *
 * An image in the event: a bitmap of NULLs over the columns present, then the values that are not NULL.
 */
export class RowImage {
  readonly #bitmapBytes: number;
  readonly #blocks: readonly BlockProgram[];

  /** @param plans of the columns present, in the table's order */
  constructor(plans: readonly ColumnPlan[]) {
    this.#bitmapBytes = (plans.length + 7) >> 3;
    const blocks: BlockProgram[] = [];
    for (let first = 0; first < plans.length; first += blockColumns)
      blocks.push(compileBlock(plans.slice(first, first + blockColumns)));
    this.#blocks = blocks;
  }

  /**
   * @param from where the image begins; nothing at or beyond `end` is read
   * @returns where the next image begins
   * @throws DrcError `EVENT_MALFORMED`
   */
  write(bytes: Buffer, from: number, end: number, out: ByteWriter): number {
    let read = from + this.#bitmapBytes;
    if (read > end) throw malformedEvent('row image');
    out.ensure(1);
    out.buffer[out.length++] = imageMarker;
    const blocks = this.#blocks;
    for (let block = 0; block < blocks.length; block++)
      read = blocks[block]!(bytes, from + block * (blockColumns / 8), read, end, out);
    return read;
  }
}

/**
 * Only numbers of the plans get into the code, no names.
 *
 * Variables: b, o the buffers read and written · r, w where in them · end, out as above · e behind a value
 * · d0, d1 … the columns' functions, or their writers
 */
function compileBlock(plans: readonly ColumnPlan[]): BlockProgram {
  // At each column there is room for `maxBytes`, so for it and all that follow.
  const maxBytes = plans.reduce((sum, plan) => sum + Math.max(plan.maxBytes, 1), 0);
  const columns = plans.map((plan, index) => columnCode(plan, index, maxBytes)).join('\n');
  const names = plans.map((_, index) => `d${index}`);
  const code = `
    return function (b, nulls, r, end, out) {
      out.ensure(${maxBytes});
      let o = out.buffer, w = out.length, e = 0;
      ${columns}
      out.length = w;
      return r;
    };`;
  const make = compileFunction(code, ['malformed', ...names]) as (...values: unknown[]) => BlockProgram;
  return make(() => malformedEvent('row image'), ...plans.map(({ direct, writer }) => writer ?? direct));
}

function columnCode(plan: ColumnPlan, index: number, maxBytes: number): string {
  const { width, variable, column, writer, direct } = plan;
  const isNull = `(b[nulls + ${index >> 3}] & ${1 << (index & 7)}) !== 0`;
  const nil = column === undefined ? '' : `o[w++] = ${nilByte};`;
  const extent = variable
    ? `e = r + ${width};
       if (e > end) throw malformed();
       const length = ${lengthCode(width)};
       r = e;
       e += length;
       if (e > end) throw malformed();
       if (o.length - w < length + ${maxBytes}) { out.length = w; out.ensure(length + ${maxBytes}); o = out.buffer; }`
    : `e = r + ${width};
       if (e > end) throw malformed();`;
  const value =
    writer !== undefined
      ? `out.length = w; d${index}.write(b, r, e, out); out.ensure(${maxBytes}); o = out.buffer; w = out.length;`
      : direct !== undefined
        ? `w = d${index}(b, r, e, o, w);`
        : '';
  return `if (${isNull}) { ${nil} } else { ${extent} ${value} r = e; }`;
}

/** The length of a variable value: as many little-endian bytes as it is wide. */
const lengthCode = (width: number): string =>
  Array.from({ length: width }, (_, byte) =>
    byte < 3 ? `(b[r + ${byte}] << ${8 * byte})` : `b[r + ${byte}] * 0x1000000`,
  ).join(' + ');
