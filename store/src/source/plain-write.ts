import type { SqlToken } from './sql-tokens.js';

/** They read or run something else, which may call what writes. */
const readers: ReadonlySet<string> = new Set('SELECT TABLE WITH JOIN CALL RETURNING'.split(' '));
/** Words in front of a parenthesis that call nothing. */
const noCalls: ReadonlySet<string> = new Set(
  'VALUES VALUE IN AND OR NOT SET WHERE WHEN THEN ELSE PARTITION XOR DIV MOD'.split(' '),
);
/** Functions of the servers that statements about their own tables use. A stored function cannot hide one of these. */
const builtIns: ReadonlySet<string> = new Set(
  (
    'NOW CURRENT_TIMESTAMP CURDATE CURTIME SYSDATE UTC_TIMESTAMP UNIX_TIMESTAMP FROM_UNIXTIME UUID CONCAT LEFT RIGHT ' +
    'LOWER UPPER REPLACE TRIM LENGTH IF IFNULL NULLIF COALESCE GREATEST LEAST CAST CONVERT HEX UNHEX CHAR DATE YEAR'
  ).split(' '),
);

/**
 * Whether an INSERT, REPLACE, UPDATE or DELETE of one table names nothing but that table and calls nothing but functions
 * of the server: it writes no other, triggers and foreign keys aside.
 */
export function isPlainWrite(tokens: readonly SqlToken[], first: number): boolean {
  const verb = tokens[first]?.upper ?? '';
  if (!['INSERT', 'REPLACE', 'UPDATE', 'DELETE'].includes(verb)) return false;
  let inColumns = verb === 'INSERT' || verb === 'REPLACE';
  return tokens.every((token, index) => {
    if (index <= first) return true;
    const isWord = token.kind === 'word';
    if (isWord && readers.has(token.upper)) return false;
    if (isWord && ['VALUES', 'VALUE', 'SET'].includes(token.upper)) inColumns = false;
    const before = tokens[index - 1]!;
    if (token.kind !== 'symbol' || token.text !== '(' || inColumns) return true;
    // `shop.concat(1)` is a stored function, whatever its name.
    const dot = tokens[index - 2];
    if (dot?.kind === 'symbol' && dot.text === '.') return false;
    return before.kind === 'word'
      ? noCalls.has(before.upper) || builtIns.has(before.upper)
      : before.kind !== 'name';
  });
}
