import type { Row } from '@drc/protocol';
import type { WritableChange } from '../mapped-change.js';
import { copying } from '../mapped-change.js';
import type { TableMatch } from '../target-table.js';
import { keyText } from './row-key.js';

/** Rows of one table of the target that are written together: no two of them have a key in common. */
export interface NetRows {
  readonly match: TableMatch;
  /** Rows that are there. */
  readonly deletes: Row[];
  readonly updates: RowUpdate[];
  /** Updates that change the key. */
  readonly moves: RowUpdate[];
  readonly inserts: Row[];
  /** Rows that may be there, or not. */
  readonly puts: Row[];
  readonly dropped: Row[];
}

export interface RowUpdate {
  readonly before: Row;
  readonly after: Row;
}

const noRows = (match: TableMatch): NetRows => ({
  match,
  deletes: [],
  updates: [],
  moves: [],
  inserts: [],
  puts: [],
  dropped: [],
});

/** The changes of one table of the target within a batch, as they can be written together. */
export interface TableChanges {
  /** Keys of all rows that are touched, exactly by their values. */
  readonly keys: ReadonlyMap<string, unknown>;
  /** @returns false where the change cannot be taken together with those before it: they are written one by one then */
  add(match: TableMatch, change: WritableChange): boolean;
  /** What is written first, what is written after that, and so on. */
  waves(): readonly (readonly NetRows[])[];
}

/** What the target's other keys, its triggers and the rule leave to be taken together. */
export const isTogether = ({ keyed, target, policies, written }: TableMatch): boolean =>
  keyed &&
  !target.foreignKeys &&
  target.triggers.length === 0 &&
  written.length > 0 &&
  (policies === copying ||
    (policies.onDuplicate === 'error' &&
      policies.onMissingUpdate === 'error' &&
      policies.onMissingDelete === 'error'));

/**
 * Each change is written, and those of one row in their order: the second change of a row goes in the second wave. Of tables with one
 * unique key, whose rows meet in nothing else.
 */
export class ChangeWaves implements TableChanges {
  /** The wave of each row's last change. */
  readonly #waveOf = new Map<string, number>();
  readonly #waves: Map<TableMatch, NetRows>[] = [];

  get keys(): ReadonlyMap<string, unknown> {
    return this.#waveOf;
  }

  add(match: TableMatch, change: WritableChange): boolean {
    if (!match.soleKey) return false;
    const isLenient = match.policies === copying;
    switch (change.kind) {
      case 'insert': {
        const rows = this.#rows(match, keyText(change.after, match.lookup));
        (isLenient ? rows.puts : rows.inserts).push(change.after);
        return true;
      }
      case 'delete': {
        const rows = this.#rows(match, keyText(change.before, match.lookup));
        (isLenient ? rows.dropped : rows.deletes).push(change.before);
        return true;
      }
      case 'update': {
        const { before, after } = change;
        const key = keyText(before, match.lookup);
        const newKey = keyText(after, match.lookup);
        const rows = this.#rows(match, key, newKey);
        if (key !== newKey && isLenient) {
          rows.dropped.push(before);
          rows.puts.push(after);
        } else if (key !== newKey) rows.moves.push(change);
        else if (isLenient) rows.puts.push(after);
        else rows.updates.push(change);
        return true;
      }
    }
  }

  waves(): NetRows[][] {
    return this.#waves.map((wave) => [...wave.values()]);
  }

  /** Of the first wave behind all changes of the keys. */
  #rows(match: TableMatch, key: string, newKey = key): NetRows {
    const wave = Math.max(this.#waveOf.get(key) ?? -1, this.#waveOf.get(newKey) ?? -1) + 1;
    this.#waveOf.set(key, wave);
    this.#waveOf.set(newKey, wave);
    const byMatch = (this.#waves[wave] ??= new Map<TableMatch, NetRows>());
    let rows = byMatch.get(match);
    if (rows === undefined) byMatch.set(match, (rows = noRows(match)));
    return rows;
  }
}

/** What all changes of a row in a batch come to. `put`: the row is to be there, whether it was or not. */
type Net = { readonly match: TableMatch } & (
  | { readonly kind: 'insert'; readonly after: Row }
  | { readonly kind: 'put'; readonly after: Row }
  | { readonly kind: 'update'; readonly before: Row; readonly after: Row }
  | { readonly kind: 'delete'; readonly before: Row }
  | { readonly kind: 'nothing' }
);

/**
 * The net changes of one table of the target within a batch, by the exact values of its key. Applied as deletes first and inserts
 * after, they lead from the rows before the batch to those after it, whatever unique keys the rows exchanged in between.
 */
export class NetChanges implements TableChanges {
  readonly #byKey = new Map<string, Net>();

  get keys(): ReadonlyMap<string, unknown> {
    return this.#byKey;
  }

  add(match: TableMatch, change: WritableChange): boolean {
    const isLenient = match.policies === copying;
    switch (change.kind) {
      case 'insert':
        return isLenient ? this.#put(match, change.after) : this.#insert(match, change.after);
      case 'delete':
        return isLenient ? this.#drop(match, change.before) : this.#delete(match, change.before);
      case 'update': {
        const { before, after } = change;
        const isMoved = keyText(before, match.lookup) !== keyText(after, match.lookup);
        if (isLenient) return (!isMoved || this.#drop(match, before)) && this.#put(match, after);
        return isMoved
          ? this.#delete(match, before) && this.#insert(match, after)
          : this.#update(match, before, after);
      }
    }
  }

  waves(): NetRows[][] {
    const byMatch = new Map<TableMatch, NetRows>();
    for (const net of this.#byKey.values()) {
      if (net.kind === 'nothing') continue;
      let rows = byMatch.get(net.match);
      if (rows === undefined) byMatch.set(net.match, (rows = noRows(net.match)));
      if (net.kind === 'insert') rows.inserts.push(net.after);
      else if (net.kind === 'put') rows.puts.push(net.after);
      else if (net.kind === 'update') rows.updates.push(net);
      else if (net.match.policies === copying) rows.dropped.push(net.before);
      else rows.deletes.push(net.before);
    }
    return [[...byMatch.values()]];
  }

  #insert(match: TableMatch, after: Row): boolean {
    const key = keyText(after, match.lookup);
    const net = this.#byKey.get(key);
    if (net === undefined || net.kind === 'nothing') this.#byKey.set(key, { match, kind: 'insert', after });
    else if (net.kind === 'delete' && net.match === match)
      this.#byKey.set(key, { match, kind: 'update', before: net.before, after });
    else return false;
    return true;
  }

  #update(match: TableMatch, before: Row, after: Row): boolean {
    const key = keyText(before, match.lookup);
    const net = this.#byKey.get(key);
    if (net === undefined) this.#byKey.set(key, { match, kind: 'update', before, after });
    else if (net.match !== match) return false;
    else if (net.kind === 'insert') this.#byKey.set(key, { match, kind: 'insert', after });
    else if (net.kind === 'update')
      this.#byKey.set(key, { match, kind: 'update', before: net.before, after });
    else return false;
    return true;
  }

  #delete(match: TableMatch, before: Row): boolean {
    const key = keyText(before, match.lookup);
    const net = this.#byKey.get(key);
    if (net === undefined) this.#byKey.set(key, { match, kind: 'delete', before });
    else if (net.match !== match) return false;
    else if (net.kind === 'insert') this.#byKey.set(key, { match, kind: 'nothing' });
    else if (net.kind === 'update') this.#byKey.set(key, { match, kind: 'delete', before: net.before });
    else return false;
    return true;
  }

  #put(match: TableMatch, after: Row): boolean {
    return this.#set(keyText(after, match.lookup), { match, kind: 'put', after });
  }

  #drop(match: TableMatch, before: Row): boolean {
    return this.#set(keyText(before, match.lookup), { match, kind: 'delete', before });
  }

  /** Whatever was before, as long as it was of the same way of writing. */
  #set(key: string, net: Net): boolean {
    const known = this.#byKey.get(key);
    if (known !== undefined && known.match !== net.match) return false;
    this.#byKey.set(key, net);
    return true;
  }
}
