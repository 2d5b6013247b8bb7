import { DrcError, isDrcError, originTable, originTagPrefix } from '@drc/protocol';
import type { ResultSetHeader } from 'mysql2/promise';
import type { Target } from './target.js';

/*
 * How a target transaction is marked (protocol/origin.ts):
 *
 *   tag  the session's GTIDs carry it: MySQL from 8.3 on with gtid_mode=ON, and the privilege to choose it
 *   row  the first row of the transaction is the worker's own of drc.congo_origin, so that no worker waits for another
 */
export type OriginMethod = 'tag' | 'row';

/** Where stores look for it, whatever the schema of congo's other tables. */
const table = `${originTable.schema}.${originTable.table}`;

export const originTableSql: readonly string[] = [
  `CREATE DATABASE IF NOT EXISTS ${originTable.schema}`,
  `CREATE TABLE IF NOT EXISTS ${table} (
  site VARCHAR(28) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'where the changes of the transaction were made first',
  task VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  worker INT UNSIGNED NOT NULL,
  marked BIGINT UNSIGNED NOT NULL COMMENT 'how often: a row that stayed as it is would not be logged',
  PRIMARY KEY (site, task, worker)
) ENGINE=InnoDB`,
];

/** Of them, what belongs to the tables in this schema: it lies beside them where they have their usual one. */
export const originTableIn = (schema: string): readonly string[] =>
  schema === originTable.schema ? originTableSql.slice(1) : [];

/** Its columns as servers print them; MariaDB adds widths to numbers. */
const shape = 'site varchar(28), task varchar(128), worker int unsigned, marked bigint unsigned';

/** Marks the transactions of one session on the target. */
export class OriginMark {
  readonly method: OriginMethod;
  readonly #target: Target;
  readonly #task: string;
  readonly #worker: number;
  /** The tag that the session's transactions have. */
  #tagged: string | undefined;

  private constructor(target: Target, task: string, worker: number, tagged: string | undefined) {
    this.method = tagged === undefined ? 'row' : 'tag';
    this.#target = target;
    this.#task = task;
    this.#worker = worker;
    this.#tagged = tagged;
  }

  /**
   * Outside of a transaction. @param site what the first transactions will be marked with
   * @throws DrcError `TARGET_CONFIG` where the target logs no rows, or its table cannot be made, or is another one
   */
  static async open(target: Target, task: string, worker: number, site: string): Promise<OriginMark> {
    await mustLogRows(target);
    const isTagged = (await canTag(target)) && (await tag(target, site));
    if (!isTagged) await makeTable(target);
    await target.query('COMMIT');
    return new OriginMark(target, task, worker, isTagged ? site : undefined);
  }

  /** Begins a target transaction whose rows carry the site. @param begin its first statement, which writes nothing */
  async begin(site: string, begin: () => Promise<void>): Promise<void> {
    if (this.method === 'tag') {
      // Not to be set within a transaction.
      if (this.#tagged !== site && !(await tag(this.#target, site)))
        throw new DrcError('TARGET_CONFIG', `The target no longer lets transactions be tagged with ${site}.`);
      this.#tagged = site;
      return await begin();
    }
    await begin();
    const values = [site, this.#task, this.#worker];
    const { affectedRows } = await this.#target.execute<ResultSetHeader>(
      `UPDATE ${table} SET marked = marked + 1 WHERE site = ? AND task = ? AND worker = ?`,
      values,
    );
    if (affectedRows === 0)
      await this.#target.execute(
        `INSERT INTO ${table} (site, task, worker, marked) VALUES (?, ?, ?, 1)`,
        values,
      );
  }
}

/** Of a statement nobody could tell what it wrote. */
async function mustLogRows(target: Target): Promise<void> {
  const [row] = await target.query<{ format: string }[]>('SELECT @@SESSION.binlog_format AS format');
  if (row?.format === 'ROW') return;
  throw new DrcError(
    'TARGET_CONFIG',
    `binlog_format of the target is ${row?.format}: a mark has to be a row. SET GLOBAL binlog_format = ROW.`,
  );
}

async function canTag(target: Target): Promise<boolean> {
  // MariaDB has no such variable.
  const rows = await target.query<{ Value: string }[]>(`SHOW GLOBAL VARIABLES LIKE 'gtid_mode'`);
  // A SHOW of variables may have begun a transaction.
  await target.query('COMMIT');
  return rows[0]?.Value === 'ON';
}

/** @returns whether the session may: it takes privileges, and a server that knows of tags */
async function tag(target: Target, site: string): Promise<boolean> {
  try {
    await target.query(`SET SESSION gtid_next = 'AUTOMATIC:${originTagPrefix}${site}'`);
    return true;
  } catch (error) {
    if (isDrcError(error) && !error.retryable) return false;
    throw error;
  }
}

async function makeTable(target: Target): Promise<void> {
  const columns = await columnsOf(target);
  if (columns === undefined) {
    try {
      for (const sql of originTableSql) await target.query(sql);
    } catch (error) {
      if (!isDrcError(error) || error.retryable) throw error;
      throw new DrcError(
        'TARGET_CONFIG',
        `The table that marks transactions cannot be made: ${error.message} A DBA can: ${originTableSql.join('; ')}.`,
        error.details,
        { cause: error },
      );
    }
  } else if (columns !== shape)
    throw new DrcError(
      'TARGET_CONFIG',
      `The target has a table ${table} with the columns ${columns}; the one that marks transactions has ${shape}.`,
    );
}

async function columnsOf(target: Target): Promise<string | undefined> {
  const columns = await target.query<{ name: string; type: string }[]>(
    `SELECT COLUMN_NAME AS name, COLUMN_TYPE AS type FROM information_schema.COLUMNS
     WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`,
    [originTable.schema, originTable.table],
  );
  if (columns.length === 0) return undefined;
  const types = columns.map(({ name, type }) => `${name} ${type.replace(/int\(\d+\)/, 'int')}`);
  return types.join(', ');
}
