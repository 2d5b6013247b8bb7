import { missingPrivileges, selectPlaces, selectRight, type SelectRight } from '../privileges.js';
import type { TableFilter } from '../table-filter.js';
import type { ServerFacts, SourceFacts } from './facts.js';
import { fault, grant, listed, ok, quotedAccount, quotedName, warning, type Finding } from './finding.js';

/** What SHOW BINARY LOGS and the like need. */
export const binlogPrivilege = ({ flavour }: ServerFacts): string =>
  flavour === 'mariadb' ? 'BINLOG MONITOR' : 'REPLICATION CLIENT';

/** To read the binlog. */
export function privileges({ server }: SourceFacts): Finding {
  const name = 'privileges';
  const missing = missingPrivileges(server.grants, server.flavour);
  const wanted =
    server.flavour === 'mariadb'
      ? 'REPLICATION SLAVE, BINLOG MONITOR'
      : 'REPLICATION SLAVE, REPLICATION CLIENT';
  if (missing.length === 0) return ok(name, `${server.account} has them`, wanted);
  return fault(name, 'SOURCE_PRIVILEGE', {
    found: `${server.account} lacks ${missing.join(', ')}`,
    wanted,
    why: 'The user may not read the binlog.',
    fix: [grant(missing.join(', '), server)],
  });
}

/** Which captured tables the user may read; what it may not read, INFORMATION_SCHEMA does not show. */
export const selectRightOf = ({ server, wishes }: SourceFacts, filter: TableFilter): SelectRight =>
  selectRight(server.grants, wishes.include, (schema) => filter.capturesSchema(schema));

/** To learn column types that MariaDB's binlog does not tell, and for the checks of tables. */
export const selectPrivilege =
  (filter: TableFilter) =>
  (facts: SourceFacts): Finding => {
    const { server, wishes } = facts;
    const name = 'select_privilege';
    const wanted = 'SELECT on the captured tables';
    const right = selectRightOf(facts, filter);
    if (right.kind === 'all') return ok(name, `${server.account} has it`, wanted);
    const fix = selectPlaces(wishes.include, quotedName).map(
      (place) => `GRANT SELECT ON ${place} TO ${quotedAccount(server.account)};`,
    );
    const isMariadb = server.flavour === 'mariadb';
    const use = isMariadb
      ? 'INFORMATION_SCHEMA shows only what one may read, and it alone tells UUID from BINARY and JSON from TEXT.'
      : 'INFORMATION_SCHEMA shows only what one may read.';
    if (right.kind === 'some') {
      return warning(name, {
        found: `only on ${listed(right.places)}`,
        wanted,
        why: `${use} ${isMariadb ? 'A store stops at a captured table that it may not read (SOURCE_PRIVILEGE). ' : ''}Other tables are not checked here.`,
        fix,
      });
    }
    const defect = { found: `${server.account} has it on none`, wanted, why: use, fix };
    return isMariadb
      ? fault(name, 'SOURCE_PRIVILEGE', defect)
      : warning(name, { ...defect, why: `${use} No table is checked here.` });
  };
