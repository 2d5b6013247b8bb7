/**
 * A number of up to 64 bits, exact. Always a `number` up to 2^53-1 and always a `bigint` above: so two are equal
 * exactly where `===` says so, and `<` compares them in any mixture.
 */
export type SequenceNumber = number | bigint;

export const Sequence = {
  /**
   * Reads decimal digits, and nothing else, of `text` from `start` to `end`.
   * @returns undefined where there are none, other characters, or a number above `largest`.
   */
  parse(text: string, start: number, end: number, largest: SequenceNumber): SequenceNumber | undefined {
    if (end <= start) return undefined;
    let value = 0;
    for (let at = start; at < end; at++) {
      const digit = text.charCodeAt(at) - 0x30;
      if (digit < 0 || digit > 9) return undefined;
      value = value * 10 + digit;
    }
    // A sum that came out beyond 2^53 was rounded on the way; one within was exact at each step.
    if (value <= Number.MAX_SAFE_INTEGER)
      return typeof largest === 'bigint' || value <= largest ? value : undefined;
    // Not even a BigInt is made of what a hostile text claims.
    if (value > 2 ** 65) return undefined;
    const exact = BigInt(text.slice(start, end));
    return exact <= largest ? Sequence.from(exact) : undefined;
  },

  from(value: bigint): SequenceNumber {
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  },

  next(value: SequenceNumber): SequenceNumber {
    if (typeof value === 'bigint') return value + 1n;
    return value < Number.MAX_SAFE_INTEGER ? value + 1 : BigInt(value) + 1n;
  },
};
