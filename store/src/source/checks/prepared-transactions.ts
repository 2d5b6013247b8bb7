import type { SourceFacts } from './facts.js';
import { counted, grant, listed, notAsked, ok, warning, type Finding } from './finding.js';

/** Statements for so many are printed. */
const mostStatements = 20;

/** What was prepared (XA) before a store begins may lie in a part of the binlog that it never reads. */
export function preparedTransactions({ server, prepared }: SourceFacts): Finding | undefined {
  if (prepared === undefined) return undefined;
  const name = 'prepared_transactions';
  const wanted = 'none when a store begins';
  if ('refusal' in prepared) {
    return notAsked(name, 'Whether XA transactions are prepared (XA RECOVER)', {
      wanted,
      refusal: prepared.refusal,
      fix: [grant('XA_RECOVER_ADMIN', server)],
    });
  }
  const xids = prepared.value;
  if (xids.length === 0) return ok(name, 'none', wanted);
  return warning(name, {
    found: `${counted(xids.length, 'XA transaction')}: ${listed(xids)}`,
    wanted,
    why: 'A store knows only what was prepared behind the place in the binlog where it begins. The XA COMMIT of any other stops it (XA_UNKNOWN): its rows were written before.',
    fix: [
      'Let the applications decide them before a store begins, or begin in front of their XA PREPARE (`capture.start`). One that nobody owns any more:',
      ...xids.slice(0, mostStatements).map((xid) => `XA ROLLBACK ${xid};`),
    ],
  });
}
