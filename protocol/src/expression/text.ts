/*
 * Texts in expressions: characters are code points, compared by their bytes in UTF-8.
 */

/** Code points, not UTF-16 units. */
export const charactersOf = (text: string): string[] => Array.from(text);

/** By code points, which is the order of their UTF-8 bytes; by UTF-16 units what needs two of them would come too early. */
export function compareTexts(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at += 1) {
    const a = left.charCodeAt(at);
    const b = right.charCodeAt(at);
    if (a !== b) return placeOf(a) - placeOf(b);
  }
  return left.length - right.length;
}

/** Surrogates behind all other units. */
const placeOf = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x1_0000 : unit);

/** LIKE: `%` any characters, `_` one; case counts. Takes time in proportion to the text times the pattern, at most. */
export function likeMatcher(pattern: string, escape: string): (text: string) => boolean {
  const parts: (string | typeof any | typeof one)[] = [];
  const characters = charactersOf(pattern);
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at]!;
    if (character === escape && at + 1 < characters.length) parts.push(characters[(at += 1)]!);
    else if (character === '%') parts.push(any);
    else parts.push(character === '_' ? one : character);
  }
  return (text) => matches(parts, charactersOf(text));
}

const any = Symbol('any characters');
const one = Symbol('one character');

/** Goes back only to the last `%`: what it took before need not change. */
function matches(parts: readonly (string | symbol)[], text: readonly string[]): boolean {
  let part = 0;
  let at = 0;
  let anyPart = -1;
  let anyAt = 0;
  while (at < text.length) {
    if (parts[part] === any) {
      anyPart = part;
      anyAt = at;
      part += 1;
    } else if (part < parts.length && (parts[part] === one || parts[part] === text[at])) {
      part += 1;
      at += 1;
    } else if (anyPart >= 0) {
      part = anyPart + 1;
      anyAt += 1;
      at = anyAt;
    } else return false;
  }
  while (parts[part] === any) part += 1;
  return part === parts.length;
}

/** Of characters, not UTF-16 units. A position counts from 1, or from the end below 0; 0 gives nothing, as in MySQL. */
export function substring(value: string, position: number, length = Infinity): string {
  const characters = charactersOf(value);
  const from = position > 0 ? position - 1 : characters.length + position;
  if (position === 0 || from < 0 || length < 1) return '';
  return characters.slice(from, from + length).join('');
}

export const trimmedStart = (value: string): string => value.replace(/^ +/, '');

export function trimmedEnd(value: string): string {
  let end = value.length;
  while (value[end - 1] === ' ') end -= 1;
  return value.slice(0, end);
}
