import type { SourceIdentity } from '../log/transaction-log.js';

/** Each with the names that servers have had for it; the first is the one to grant. */
const needed: Readonly<Record<SourceIdentity['flavour'], readonly (readonly string[])[]>> = {
  mariadb: [
    ['REPLICATION SLAVE', 'REPLICATION REPLICA'],
    ['BINLOG MONITOR', 'REPLICATION CLIENT'],
    // INFORMATION_SCHEMA shows only what one may read, and it alone tells UUID from BINARY.
    ['SELECT'],
  ],
  mysql: [['REPLICATION SLAVE'], ['REPLICATION CLIENT']],
};

/** Those that suffice on one schema or table: capture may be narrowed to what the user may read. */
const partial: ReadonlySet<string> = new Set(['SELECT']);

/**
 * The privileges that the lines of SHOW GRANTS do not give.
 *   line = GRANT privilege [(columns)] *("," privilege [(columns)]) ON place TO account …
 */
export function missingPrivileges(
  grants: readonly string[],
  flavour: SourceIdentity['flavour'],
): readonly string[] {
  const held = grants.flatMap((line) => {
    const match = /^GRANT (.+?) ON (\S+|`.*?`\.\S+) TO /is.exec(line);
    if (match === null) return [];
    const isGlobal = match[2] === '*.*';
    return match[1]!
      .replaceAll(/\([^)]*\)/g, '')
      .split(',')
      .map((privilege) => ({ privilege: privilege.trim().toUpperCase(), isGlobal }));
  });
  return needed[flavour]
    .filter(
      (names) =>
        !held.some(
          ({ privilege, isGlobal }) =>
            (privilege.startsWith('ALL') || names.includes(privilege)) &&
            (isGlobal || partial.has(names[0]!)),
        ),
    )
    .map((names) => names[0]!);
}
