import type { Row } from '@drc/protocol';
import type { Transaction } from '../../index.js';
import { letsKeysAct, type MappedChange, type WritableChange } from '../mapped-change.js';
import { rowBytes } from '../row-statements.js';
import { nameOf } from '../table-name.js';
import type { TableMatch } from '../target-table.js';
import { ChangeWaves, isTogether, NetChanges, type NetRows, type TableChanges } from './net-changes.js';
import { anyKey, type LooseKey, looseKeys } from './row-key.js';

/** One change, and the table of the target that takes it. */
export interface MatchedChange {
  readonly match: TableMatch;
  readonly change: WritableChange;
}

/** What a batch writes. */
export interface BatchContent {
  /** Of tables whose changes may be taken together: one wave after the other, tables in any order. */
  readonly waves: readonly (readonly NetRows[])[];
  /** Of all other tables, in the order of the source. */
  readonly ordered: readonly MatchedChange[];
}

/** Keys of one table: any two batches with a key in common must not be under way at a time. */
type Keys = ReadonlyMap<string, unknown> | ReadonlySet<string> | 'all';

/** Tables whose changes keep the source's order among each other count as one, since foreign keys may bind them. */
const orderedTables = '';

/**
 * How changes are taken together. `transaction`: each is written, in few statements. `row`: of all changes of a row only what they come
 * to is written; whoever reads the target's binlog sees fewer.
 */
export type Atomicity = 'transaction' | 'row';

/** Changes of whole source transactions, which are applied together; of one that is too large for that, a piece. */
export class Batch {
  /** Where all of them come from, for a task that marks what it writes. */
  readonly site: string | undefined;
  readonly #atomic: Atomicity;
  readonly #changes: MatchedChange[] = [];
  #commitTimes: number[] = [];
  #transactions = 0;
  #bytes = 0;
  #last: Transaction | undefined;
  #content: BatchContent | undefined;
  readonly #keys = new Map<string, Keys>();

  constructor(site: string | undefined, atomic: Atomicity) {
    this.site = site;
    this.#atomic = atomic;
  }

  add(match: TableMatch, { change }: Pick<MappedChange, 'change'>): void {
    this.#changes.push({ match, change });
    this.#bytes += rowBytes(change.kind === 'delete' ? change.before : change.after, match.written);
  }

  /** All changes of the transaction are in. */
  end(transaction: Transaction): void {
    this.#last = transaction;
    this.#transactions += 1;
    // Rows that are copied were committed at any time.
    if (transaction.snapshot === undefined) this.#commitTimes.push(transaction.commitTime.getTime());
  }

  /** Changes as the rules made them. */
  get rows(): number {
    return this.#changes.length;
  }

  /** About what their values take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What goes on where this piece ends: it tells of all transactions so far. */
  rest(): Batch {
    const rest = new Batch(this.site, this.#atomic);
    rest.#commitTimes = this.#commitTimes;
    rest.#transactions = this.#transactions;
    return rest;
  }

  get transactions(): number {
    return this.#transactions;
  }

  /** Undefined for a piece of a transaction whose end has not come. */
  get last(): Transaction | undefined {
    return this.#last;
  }

  /** When the source committed them, ms since 1970. */
  get commitTimes(): readonly number[] {
    return this.#commitTimes;
  }

  /** To be asked for once nothing more is added. @param apart names of tables whose changes are not taken together */
  content(apart: ReadonlySet<string>): BatchContent {
    return (this.#content ??= this.#merge(apart));
  }

  /** Whether both have rows that could be equal in a unique key. After `content`. */
  touches(other: Batch): boolean {
    for (const [table, keys] of this.#keys) {
      const theirs = other.#keys.get(table);
      if (theirs !== undefined && haveCommon(keys, theirs)) return true;
    }
    return false;
  }

  #merge(apart: ReadonlySet<string>): BatchContent {
    const tables = new Map<string, TableChanges>();
    const unmerged = new Set<string>();
    const names = new Map<TableMatch, string>();
    for (const { match, change } of this.#changes) {
      const name = names.get(match) ?? nameOf(match.target);
      names.set(match, name);
      if (unmerged.has(name)) continue;
      let table = tables.get(name);
      if (table === undefined) {
        table = this.#atomic === 'row' ? new NetChanges() : new ChangeWaves();
        tables.set(name, table);
      }
      const mayBe = !apart.has(name) && isTogether(match) && letsKeysAct(change) && hasAll(match, change);
      if (mayBe && table.add(match, change)) continue;
      unmerged.add(name);
      tables.delete(name);
    }
    const ordered =
      unmerged.size === 0 ? [] : this.#changes.filter(({ match }) => unmerged.has(names.get(match)!));
    if (ordered.length > 0) this.#keys.set(orderedTables, 'all');
    // Another batch may have taken them together.
    for (const name of unmerged) this.#keys.set(name, 'all');
    const waves: NetRows[][] = [];
    for (const [name, table] of tables) {
      this.#keys.set(name, this.#keysOf(name, table, names));
      for (const [index, rows] of table.waves().entries()) (waves[index] ??= []).push(...rows);
    }
    return { waves, ordered };
  }

  /** Of a table whose only unique key is told apart by its exact text, its changes know all keys already. */
  #keysOf(name: string, table: TableChanges, names: ReadonlyMap<TableMatch, string>): Keys {
    const byMatch = new Map<TableMatch, readonly LooseKey[] | undefined>();
    for (const [match, own] of names) if (own === name) byMatch.set(match, keysOfMatch(match));
    const matches = [...byMatch.keys()];
    if (matches.every(isExact)) return table.keys;
    if (!matches.every(isByKey) || [...byMatch.values()].includes(undefined)) return 'all';
    const keys = new Set<string>();
    for (const { match, change } of this.#changes) {
      const loose = byMatch.get(match);
      if (loose === undefined) continue;
      for (const row of imagesOf(change)) {
        for (const [index, key] of loose.entries()) {
          const text = key(row);
          if (text === anyKey) return 'all';
          if (text !== undefined) keys.add(`${index} ${text}`);
        }
      }
    }
    return keys;
  }
}

const known = new WeakMap<TableMatch, { readonly keys: readonly LooseKey[] | undefined }>();

function keysOfMatch(match: TableMatch): readonly LooseKey[] | undefined {
  let keys = known.get(match);
  if (keys === undefined) known.set(match, (keys = { keys: looseKeys(match) }));
  return keys.keys;
}

/** Whether a row is found by the target's own key and nothing more. */
const isByKey = ({ lookup, target }: TableMatch): boolean => lookup.length === target.key.length;

/** Whether rows that are equal on the target have keys of one text. */
const isExact = (match: TableMatch): boolean =>
  match.soleKey && isByKey(match) && match.lookup.every(({ target }) => exactTypes.has(target.dataType));

const exactTypes: ReadonlySet<string> = new Set([
  'tinyint',
  'smallint',
  'mediumint',
  'int',
  'bigint',
  'decimal',
]);

function imagesOf(change: WritableChange): Row[] {
  switch (change.kind) {
    case 'insert':
      return [change.after];
    case 'delete':
      return [change.before];
    case 'update':
      return [change.before, change.after];
  }
}

/** Absent is not NULL: what an image lacks has not changed, and only the row itself has it. */
function hasAll({ written, lookup }: TableMatch, change: WritableChange): boolean {
  const { kind } = change;
  return (
    (kind === 'delete' || has(change.after, written)) && (kind === 'insert' || has(change.before, lookup))
  );
}

const has = (row: Row, columns: TableMatch['written']): boolean => {
  for (const { source } of columns) if (row[source.name] === undefined) return false;
  return true;
};

function haveCommon(one: Keys, other: Keys): boolean {
  if (one === 'all' || other === 'all') return true;
  const [few, many] = one.size < other.size ? [one, other] : [other, one];
  for (const key of few.keys()) if (many.has(key)) return true;
  return false;
}
