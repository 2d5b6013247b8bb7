import { countWidth, readCount, TokenClass, tokenBytes, tokenClass } from './msgpack-token.js';

/** Arrays and maps within each other, at most. */
export const maxNesting = 16;

/**
 * Whether the bytes are one msgpack value and nothing else, made only of maps with text keys, arrays, text, bytes,
 * numbers, booleans and nil, nested no deeper than `maxNesting`.
 *
 * msgpackr cannot be told to refuse the rest: with `useRecords: false` too it takes record definitions (extension
 * 0x72), references, sets, errors and regular expressions from the bytes.
 */
export function isPlainValue(bytes: Buffer): boolean {
  /** For each open array or map: values still to come. A map's keys are among them. */
  const left: number[] = [];
  const isMap: boolean[] = [];
  let at = 0;
  do {
    const depth = left.length - 1;
    if (depth >= 0) left[depth]! -= 1;
    const token = bytes[at]!;
    const kind = tokenClass[token];
    // In a map keys come where an odd number of values is left behind them.
    if (depth >= 0 && isMap[depth] && left[depth]! % 2 === 1 && kind !== TokenClass.text) return false;
    const size = tokenBytes[token]!;
    switch (kind) {
      case TokenClass.array:
      case TokenClass.map: {
        const width = countWidth(token);
        const count = size === 1 ? token & 0x0f : readCount(bytes, at + 1, width);
        at += size;
        // Each value has at least one byte: a count that cannot be true is refused before it is counted down.
        if (!(count <= bytes.length - at) || left.length === maxNesting) return false;
        left.push(kind === TokenClass.map ? count * 2 : count);
        isMap.push(kind === TokenClass.map);
        break;
      }
      case 0:
      case undefined:
        return false;
      default:
        at += size;
        if (size === 0) {
          const width = countWidth(token);
          at += 1 + width + readCount(bytes, at + 1, width);
        }
    }
    if (!(at <= bytes.length)) return false;
    while (left.length > 0 && left.at(-1) === 0) {
      left.pop();
      isMap.pop();
    }
  } while (left.length > 0);
  return at === bytes.length;
}
