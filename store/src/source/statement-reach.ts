import { hasPrivilege } from './privileges.js';
import type { SourceControl } from './source-control.js';

/** A table of these is a window on others. */
const forwardingEngines: ReadonlySet<string> = new Set([
  'MRG_MYISAM',
  'FEDERATED',
  'CONNECT',
  'SPIDER',
  'SEQUENCE',
]);

/**
 * Why a statement that names one table may have written others too: views, triggers, foreign keys and functions reach
 * further. Undefined where nothing tells that it did; the source is asked as it is now.
 * @param table `schema.table`
 * @param calls names, in small letters, that may be those of functions
 * @throws DrcError as the connection fails
 */
export async function furtherReach(
  control: SourceControl,
  table: string,
  calls: ReadonlySet<string>,
): Promise<string | undefined> {
  const dot = table.indexOf('.');
  const names = [table.slice(0, dot), table.slice(dot + 1)] as const;
  const [found] = await control.rows(
    'SELECT TABLE_TYPE AS kind, ENGINE AS engine FROM information_schema.TABLES ' +
      'WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?',
    [...names],
  );
  const isTable = ['BASE TABLE', 'SYSTEM VERSIONED'].includes(String(found?.['kind']));
  if (!isTable) return `a statement writes ${table}, which the source does not show as a table`;
  if (forwardingEngines.has(String(found?.['engine']).toUpperCase()))
    return `a statement writes ${table}, whose engine passes it on to other tables`;
  const grants = (await control.rows('SHOW GRANTS')).map((row) => String(Object.values(row)[0]));
  if (!hasPrivilege(grants, 'TRIGGER', ...names))
    return `a statement writes ${table}, and the user of the source may not see whether it has triggers`;
  const triggers = await control.value(
    'SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = ? AND EVENT_OBJECT_TABLE = ?',
    [...names],
  );
  if (triggers !== '0') return `a statement writes ${table}, which has triggers`;
  const references = await control.value(
    'SELECT COUNT(*) FROM information_schema.REFERENTIAL_CONSTRAINTS ' +
      'WHERE UNIQUE_CONSTRAINT_SCHEMA = ? AND REFERENCED_TABLE_NAME = ? ' +
      "AND (DELETE_RULE IN ('CASCADE', 'SET NULL') OR UPDATE_RULE IN ('CASCADE', 'SET NULL'))",
    [...names],
  );
  if (references !== '0')
    return `a statement writes ${table}, and foreign keys pass its changes on to other tables`;
  const called = await calledFunction(control, calls);
  return called === undefined ? undefined : `a statement calls the function ${called}`;
}

/** The name of a stored function that is called; one that the user may not see is not found. */
async function calledFunction(
  control: SourceControl,
  calls: ReadonlySet<string>,
): Promise<string | undefined> {
  const functions = await control.rows(
    "SELECT DISTINCT ROUTINE_NAME AS name FROM information_schema.ROUTINES WHERE ROUTINE_TYPE = 'FUNCTION' " +
      "AND ROUTINE_SCHEMA NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')",
  );
  return functions.map((row) => String(row['name'])).find((name) => calls.has(name.toLowerCase()));
}
