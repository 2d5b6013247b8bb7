import { tableName } from '../table-name.js';
import type { Target } from '../target.js';
import { isDenied, privilegeFaults } from '../target-privileges.js';
import { readTable } from '../target-schema.js';
import type { Findings } from './finding.js';

const names = ['congo_task', 'congo_progress', 'congo_session', 'congo_control', 'congo_snapshot'];

/** Whether congo's tables are there and may be written to, or may be made. Nothing is made. */
export async function checkOwnTables(target: Target, schema: string, findings: Findings): Promise<void> {
  for (const table of names) {
    const name = { schema, table };
    const found = await readTable(target, name);
    const place = `${schema}.${table}`;
    if (found) {
      for (const fault of await privilegeFaults(target, found, ['SELECT', 'INSERT', 'UPDATE']))
        findings.add('fault', 'target', place, fault);
    } else if (await isDenied(target, `PREPARE congo_check FROM 'CREATE TABLE ${tableName(name)} (a INT)'`)) {
      findings.add(
        'fault',
        'target',
        place,
        'it is not there, and the user may not make it: have an administrator run what `congo check --ddl` prints, or GRANT CREATE',
      );
    }
    await target.query('COMMIT');
  }
}
