import { DrcError, type TransactionSet } from '@drc/protocol';

/**
 * A MariaDB domain is ordered by sequence alone: where the log comes to the checkpoint's sequence, it must come to it by
 * the very transaction. Another server's there, or none at all, is another history, whose numbers the checkpoint only
 * seems to cover.
 * @param id the next transaction of the log
 * @param before what the log has executed before it
 * @throws DrcError `CHECKPOINT_DIVERGED`
 */
export function refuseDivergence(id: string, before: TransactionSet, checkpoint: TransactionSet): void {
  const [, domainText, sequence] = /^(\d+)-\d+-(\d+)$/.exec(id) ?? [];
  if (domainText === undefined || sequence === undefined) return;
  const domain = Number(domainText);
  const wanted = checkpoint.mariadbPosition(domain);
  if (wanted === undefined || BigInt(sequence) < wanted.sequence) return;
  const passed = before.mariadbPosition(domain);
  if (passed !== undefined && passed.sequence >= wanted.sequence) return;
  const text = `${domain}-${wanted.serverId}-${wanted.sequence}`;
  if (id === text) return;
  throw new DrcError('CHECKPOINT_DIVERGED', `The checkpoint has ${text}, the log has ${id} there.`, {
    checkpoint: text,
    log: id,
  });
}
