import { canonicalTableVersion, schemaIdBytes, schemaIdOf, type TableVersion } from '@drc/protocol';
import { unseal } from '../chunk-record.js';
import { allKeys, schemaIdOfKey } from '../keys.js';
import type { LevelDatabase } from '../level-database.js';
import { entriesOf } from '../log-proof.js';
import { textOf, type FaultList } from './fault-list.js';

/** What the log knows of one table version, and what uses it. */
export interface AuditedTable {
  readonly version: TableVersion;
  /** `schema.table` */
  readonly name: string;
  /** The last LSN that may use it; undefined where that is lost. */
  lease: number | undefined;
  rows: number;
  /** 0: no transaction of the log. */
  lastLsn: number;
}

/**
 * The table versions of a log. Each must have the content that its id names, in its one spelling, and a lease that no
 * transaction outlives; each that rows use must be there.
 */
export class CatalogAudit {
  readonly #tables: ReadonlyMap<string, AuditedTable>;
  readonly #faults: FaultList;
  readonly #missing = new Set<string>();

  private constructor(tables: ReadonlyMap<string, AuditedTable>, faults: FaultList) {
    this.#tables = tables;
    this.#faults = faults;
  }

  static async open(db: LevelDatabase, faults: FaultList): Promise<CatalogAudit> {
    const tables = new Map<string, AuditedTable>();
    const add = (kind: 'table', place: string, found: string): void => faults.add(kind, place, found);
    const unreadable: string[] = [];
    for await (const [key, stored] of entriesOf(db, allKeys.tables, unreadable)) {
      const id = schemaIdOfKey(key);
      try {
        const version = versionOf(id, unseal(key, stored, 'its content'));
        const name = `${version.schema}.${version.table}`;
        tables.set(keyOf(id), { version, name, lease: undefined, rows: 0, lastLsn: 0 });
      } catch (error) {
        add('table', placeOf(id), textOf(error));
      }
    }
    for await (const [key, stored] of entriesOf(db, allKeys.leases, unreadable)) {
      const id = schemaIdOfKey(key);
      const table = tables.get(keyOf(id));
      try {
        const lease = Number(unseal(key, stored, 'its lease').toString());
        if (!Number.isSafeInteger(lease)) throw new Error('Its lease is no LSN.');
        if (table === undefined) add('table', placeOf(id), 'It has a lease, but no content that is sound.');
        else table.lease = lease;
      } catch (error) {
        add('table', placeOf(id), textOf(error));
      }
    }
    for (const why of unreadable) add('table', 'the table versions', why);
    for (const [key, { lease }] of tables)
      if (lease === undefined) add('table', placeOf(Buffer.from(key, 'latin1')), 'It has no sound lease.');
    return new CatalogAudit(tables, faults);
  }

  get tables(): readonly AuditedTable[] {
    return [...this.#tables.values()];
  }

  /** The version that rows of this transaction use. A fault where there is none, once for each. */
  used(id: Buffer, lsn: number): AuditedTable | undefined {
    const key = keyOf(id);
    const table = this.#tables.get(key);
    if (table !== undefined) {
      table.lastLsn = Math.max(table.lastLsn, lsn);
    } else if (!this.#missing.has(key)) {
      this.#missing.add(key);
      this.#faults.add('table', placeOf(id), `Rows of transaction ${lsn} use it, and it is missing.`, lsn);
    }
    return table;
  }

  /** To be called when all transactions have been looked at. */
  finish(): void {
    for (const [key, { lease, lastLsn }] of this.#tables) {
      if (lease === undefined || lease >= lastLsn) continue;
      const found = `Its lease ends at transaction ${lease}; transaction ${lastLsn} uses it.`;
      this.#faults.add('table', placeOf(Buffer.from(key, 'latin1')), found, lastLsn);
    }
  }
}

/** @throws Error that says what is wrong with the content */
function versionOf(id: Buffer, content: Buffer): TableVersion {
  const text = content.toString();
  const version = JSON.parse(text) as TableVersion;
  if (canonicalTableVersion(version) !== text)
    throw new Error('Its content is not in its canonical spelling.');
  if (!schemaIdOf(version).equals(id)) throw new Error('Its content is of another id.');
  return version;
}

const keyOf = (id: Buffer): string => id.toString('latin1', 0, schemaIdBytes);
const placeOf = (id: Buffer): string => `table version ${id.toString('hex')}`;
