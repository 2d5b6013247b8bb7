/** Numbers that look random and follow from a seed, so that a run can be had again. */
export interface Random {
  /** An integer from 0 to limit - 1; the limit is at most 2^32. */
  below(limit: number): number;
  bytes(length: number): Buffer;
}

/** xorshift32. @param seed any number; its lower 32 bits count. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0 || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>>= 0);
  };
  const below = (limit: number): number => Math.floor((next() / 2 ** 32) * limit);
  return { below, bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))) };
}
