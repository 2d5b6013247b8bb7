import { createHash, type Hash } from 'node:crypto';
import { hasSchemaId, parseRowsHeader, PartFlag, PartKind, partsOf, schemaIdOfPart } from '@drc/protocol';

/** The rows of one table version. */
interface Rows {
  readonly hash: Hash;
  rows: number;
  /** Kind and columns of the last part: hashed where they change, so that it does not matter where chunks end. */
  shape: string;
}

/** By schema id, in hexadecimal digits. */
export type PartsResult = ReadonlyMap<string, { readonly rows: number; readonly hash: string }>;

/**
 * What the parts of a transaction hold, for each table version by itself: two readings of one transaction have equal
 * digests, also where another filter leaves other tables out or chunks end elsewhere. DDL is not looked at. Takes some
 * hundred bytes a table, whatever the size of the transaction.
 */
export class PartsDigest {
  readonly #tables: Map<string, Rows>;

  constructor(tables: Map<string, Rows> = new Map()) {
    this.#tables = tables;
  }

  /** @param columns how many columns the table version with this id has */
  add(bytes: Buffer, partsAt: number, columns: (schemaId: string) => number): void {
    for (const part of partsOf(bytes, partsAt)) {
      if (!hasSchemaId(part.kind)) continue;
      const schemaId = schemaIdOfPart(bytes, part).toString('hex');
      const { rows, before, after, imagesAt } = parseRowsHeader(bytes, part, columns(schemaId));
      // Whether it is a sequence's state or a row of a copy is asked of the source, which may no longer have either.
      const kind = part.kind === PartKind.sequence ? PartKind.insert : part.kind;
      const shape = `${kind} ${part.flags & PartFlag.partial} ${before?.toString('hex')} ${after?.toString('hex')}`;
      const known = this.#tables.get(schemaId) ?? { hash: createHash('sha256'), rows: 0, shape: '' };
      if (known.shape !== shape) known.hash.update(shape);
      known.hash.update(bytes.subarray(imagesAt, part.end));
      known.shape = shape;
      known.rows += rows;
      this.#tables.set(schemaId, known);
    }
  }

  clone(): PartsDigest {
    const copies = [...this.#tables].map(
      ([schemaId, { hash, rows, shape }]) => [schemaId, { hash: hash.copy(), rows, shape }] as const,
    );
    return new PartsDigest(new Map(copies));
  }

  result(): PartsResult {
    return new Map(
      [...this.#tables].map(([schemaId, { hash, rows }]) => [
        schemaId,
        { rows, hash: hash.copy().digest('hex') },
      ]),
    );
  }
}
