/*
 * What MySQL makes of a JSON text: 64-bit integers, a DOUBLE of every other number, and of keys that are repeated the last. MariaDB
 * keeps the text as it was written.
 */

/**
 * What MySQL would keep of a text otherwise than it was written; undefined where it keeps all that JSON means. White space, the
 * order of keys and the way to write a number mean nothing. A text that is no JSON is left to the server to refuse.
 */
export function changeByMysql(text: string): string | undefined {
  const objects: Set<string>[] = [];
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      const end = endOfString(text, at);
      if (isBeforeColon(text, end)) {
        const keys = objects.at(-1);
        const key = stringOf(text.slice(at, end));
        if (keys?.has(key) === true)
          return `key ${JSON.stringify(key.slice(0, shownLength))} of the JSON is there twice`;
        keys?.add(key);
      }
      at = end;
    } else if (code === minus || isDigit(code)) {
      const end = endOfNumber(text, at);
      const change = changeOfNumber(text.slice(at, end));
      if (change !== undefined) return change;
      at = end;
    } else {
      if (code === objectBegin) objects.push(new Set());
      else if (code === objectEnd) objects.pop();
      at++;
    }
  }
  return undefined;
}

const [quote, backslash, minus, objectBegin, objectEnd] = [0x22, 0x5c, 0x2d, 0x7b, 0x7d];
/** So much of a key is told, characters. */
const shownLength = 64;
const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;

/** Behind the closing quote of the string that begins at `at`; a string may be very long, so no expression matches it. */
function endOfString(text: string, at: number): number {
  for (let end = at + 1; ; end++) {
    end = text.indexOf('"', end);
    if (end < 0) return text.length;
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes++;
    if (escapes % 2 === 0) return end + 1;
  }
}

const colon = /[ \t\r\n]*:/y;
function isBeforeColon(text: string, at: number): boolean {
  colon.lastIndex = at;
  return colon.test(text);
}

/** Two keys are one for the server where they are so without their escapes. */
function stringOf(literal: string): string {
  if (!literal.includes('\\')) return literal.slice(1, -1);
  try {
    return JSON.parse(literal) as string;
  } catch {
    return literal;
  }
}

const number = /-?\d*(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
function endOfNumber(text: string, at: number): number {
  number.lastIndex = at;
  number.test(text);
  return Math.max(number.lastIndex, at + 1);
}

const smallestInteger = -(2n ** 63n);
const largestInteger = 2n ** 64n - 1n;
/** So many characters hold no integer beyond 64 bits. */
const safeLength = 18;

function changeOfNumber(token: string): string | undefined {
  if (token === '-0') return '-0 in the JSON is an integer, of which the target keeps no sign';
  if (/[.eE]/.test(token) ? digitsOf(token) === digitsOf(String(Number(token))) : isInteger64(token))
    return undefined;
  return 'a number in the JSON has more digits than a DOUBLE, which the target would make of it';
}

function isInteger64(token: string): boolean {
  if (token.length <= safeLength) return true;
  const value = BigInt(token);
  return value >= smallestInteger && value <= largestInteger;
}

/** The significant digits of a number: those of 0.0250e7 are 25. */
function digitsOf(text: string): string {
  const [mantissa = ''] = text.split(/[eE]/);
  return mantissa.replace(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '');
}
