import { isDrcError } from '@drc/protocol';
import type { Transaction } from '../../index.js';
import type { Applier } from '../applier.js';
import type { Batch } from './batch.js';

/** A transaction that is not larger than this, as sent, is held in memory. */
const maxWholeBytes = 3 * 1024 * 1024;
/** A batch, or a piece of a larger transaction, takes nothing more once it has about so many bytes. */
export const maxBatchBytes = 4 * 1024 * 1024;
/** Rows of a piece. */
const maxPieceRows = 10_000;

/** Adds a transaction to a batch. @returns false where it is too large to be held: `piecesOf` gives it then. */
export async function addWhole(batch: Batch, tx: Transaction, applier: Applier): Promise<boolean> {
  const changes = await tx.all({ maxBytes: maxWholeBytes }).catch((error: unknown) => {
    if (isDrcError(error, 'TRANSACTION_TOO_LARGE')) return undefined;
    throw error;
  });
  if (changes === undefined) return false;
  for (const change of changes) {
    const asking = applier.gather(batch, change, tx);
    if (asking !== undefined) await asking;
  }
  batch.end(tx);
  return true;
}

/** A large transaction, piece by piece. @param first what comes before it */
export async function* piecesOf(first: Batch, tx: Transaction, applier: Applier): AsyncGenerator<Batch> {
  let piece = first;
  for await (const change of tx.changes) {
    await applier.gather(piece, change, tx);
    if (piece.rows < maxPieceRows && piece.bytes < maxBatchBytes) continue;
    applier.assertAllMatched();
    yield piece;
    piece = piece.rest();
  }
  applier.assertAllMatched();
  piece.end(tx);
  yield piece;
}
