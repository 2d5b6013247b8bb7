/** Whether a savepoint of the one name replaces one of the other on every server. */
export const isSameSavepoint = (one: string, other: string): boolean =>
  one.toLowerCase() === other.toLowerCase();

/**
 * Whether a server may take the names for equal: they compare letters without their accents, character by character (MariaDB:
 * utf8mb3_general_ci), so any character may equal another unless both are ASCII.
 */
export function mayBeSameSavepoint(one: string, other: string): boolean {
  if (isSameSavepoint(one, other)) return true;
  const [left, right] = [Array.from(one), Array.from(other)];
  return (
    left.length === right.length &&
    left.every((character, index) => {
      const opposite = right[index]!;
      return !isAscii(character) || !isAscii(opposite) || isSameSavepoint(character, opposite);
    })
  );
}

const isAscii = (character: string): boolean => character < '\u0080';
