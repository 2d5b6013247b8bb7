import type { TransactionSet } from '@drc/protocol';

/** What a part of a set names: `0-1-7`, `uuid:7`, `server/binlog.000001:7`. */
type Kind = 'MariaDB' | 'MySQL' | 'place';

const kindOf = (part: string): Kind =>
  part.includes('/') ? 'place' : part.includes(':') ? 'MySQL' : 'MariaDB';

const partsOf = (set: TransactionSet): string[] => set.toString().split(',').filter(Boolean);

/**
 * Why a target that has `applied` will never have `wanted`, as far as the sets tell; undefined where it may. A set may grow by
 * another server of the topology, so a server that is not in it yet proves nothing.
 */
export function foreignTo(applied: TransactionSet, wanted: TransactionSet): string | undefined {
  const kinds = new Set(partsOf(applied).map(kindOf));
  for (const part of partsOf(wanted)) {
    const kind = kindOf(part);
    if (kind === 'MariaDB') {
      const [domain = '', server] = part.split('-');
      const theirs = applied.mariadbPosition(Number(domain));
      const own = wanted.mariadbPosition(Number(domain));
      // Sequences order a domain: one number under two servers is two histories.
      if (theirs !== undefined && own?.sequence === theirs.sequence && own.serverId !== theirs.serverId)
        return `it has ${domain}-${theirs.serverId}-${theirs.sequence}, which server ${server} wrote otherwise`;
    }
    const other: Kind = kind === 'MariaDB' ? 'MySQL' : 'MariaDB';
    if (kind !== 'place' && kinds.has(other) && !kinds.has(kind))
      return `${part} is of ${kind}, and the source is ${other === 'MySQL' ? 'a MySQL' : 'a MariaDB'}`;
  }
  return undefined;
}
