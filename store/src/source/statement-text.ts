import { charsetNameOf, charsetOf } from './charset.js';

/**
 * The text of a statement, which a QUERY event carries in the session's own character set.
 * @param collation the client's collation id, from the event; 0 where it has none
 */
export function statementText(bytes: Buffer, collation: number): string {
  // Every character set that a client may have writes ASCII as itself.
  if (bytes.every((byte) => byte < 0x80)) return bytes.toString('latin1');
  const charset = charsetOf(charsetNameOf(collation) ?? 'utf8mb4');
  if (charset === undefined || charset.isUtf8) return bytes.toString('utf8');
  const out = Buffer.allocUnsafe(bytes.length * charset.growth);
  const end = charset.convert(bytes, 0, bytes.length, out, 0, { count: 0 });
  return out.toString('utf8', 0, end);
}
