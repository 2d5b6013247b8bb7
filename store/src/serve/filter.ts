import {
  accessOf,
  DrcError,
  grantText,
  isFull,
  isUnrestricted,
  PartKind,
  wantsOrigin,
  type Access,
  type Ddl,
  type EffectiveFilter,
  type Grant,
  type GrantRule,
  type OriginWish,
  type Partition,
  type RowOperation,
  type RowRule,
  type TableVersion,
} from '@drc/protocol';
import { mustHaveKey, RowRules } from './row-rules.js';
import type { RowFilter } from './row-filter.js';
import { effectivePatterns, TablePatterns } from './table-patterns.js';

/** What a client asks for. */
export interface Wish {
  /** Empty: all that the grant allows. */
  readonly tables: readonly string[];
  /** Empty: all row operations, and the steps of sequences. */
  readonly operations: readonly RowOperation[];
  /** Conditions and projections. Default: all rows and columns. */
  readonly rules?: readonly RowRule[] | undefined;
  readonly partition?: Partition | undefined;
  /** Default: all. */
  readonly origins?: OriginWish | undefined;
}

interface Granted {
  readonly rule: GrantRule;
  readonly patterns: TablePatterns;
}

/** Account statements hold passwords in clear. */
const accountVerb = /\b(USER|ROLE|GRANT|REVOKE|PASSWORD|SERVER|MASTER|REPLICATION|SLAVE|REPLICA)\b/i;
const schemaVerb = /^(CREATE|DROP|ALTER)( OR REPLACE)? (DATABASE|SCHEMA)\b/i;

/**
 * The wish ANDed with the grant. A table of which it says no is not there for this reader: neither rows, nor DDL, nor
 * its name.
 */
export class Filter {
  readonly #wish: TablePatterns;
  readonly #asked: Wish;
  readonly #rules: readonly Granted[];
  readonly #rows: RowRules;
  /** Tables that may be read, in part or in full, and those of which everything may be read. */
  readonly #grant: TablePatterns;
  readonly #full: TablePatterns;
  readonly #restricted: readonly GrantRule[];
  /** Bit `kind` is set where row parts of that kind are wanted. */
  readonly #kinds: number;

  /**
   * @param hashKey the store's key for hashed columns; undefined: it has none
   * @throws DrcError `PROTOCOL_VIOLATION` for a pattern outside the limits; `CONDITION_INVALID`; `FORBIDDEN` for a table
   *   by name, for a column that may not be used, and with the reason `noHashKey`.
   */
  constructor(wish: Wish, grant: Grant, hashKey?: Buffer) {
    this.#asked = wish;
    this.#wish = new TablePatterns(wish.tables);
    this.#rules = grant.rules.map((rule) => ({ rule, patterns: new TablePatterns(rule.tables) }));
    this.#grant = patternsOf(grant.rules);
    this.#full = patternsOf(grant.rules.filter(isUnrestricted));
    this.#restricted = grant.rules.filter((rule) => !isUnrestricted(rule));
    this.#rows = new RowRules({ rules: wish.rules ?? [], partition: wish.partition, hashKey });
    const hidden = this.namedTables.find((name) => !this.#allows(name));
    if (hidden !== undefined) {
      throw new DrcError('FORBIDDEN', `The table ${hidden} may not be read.`, { table: hidden });
    }
    for (const name of this.namedTables) this.#rows.mustBeReadable(name, this.#access(name)!);
    const accesses = this.#namesAll ? this.#wish.names.map((name) => this.#access(name)) : grant.rules;
    if (accesses.some((access) => (access?.hash ?? []).length > 0)) mustHaveKey(hashKey);
    this.#kinds =
      wish.operations.length === 0
        ? ~0
        : wish.operations.reduce((kinds, operation) => kinds | (1 << PartKind[operation]), 0);
  }

  /** The tables that were asked for by name, which the topic must therefore have. */
  get namedTables(): readonly string[] {
    return [...new Set([...this.#wish.names, ...this.#rows.namedTables])];
  }

  /** The globs that were asked for, with the tables that they match and the reader may read. */
  get globs(): readonly { readonly text: string; readonly matches: (table: string) => boolean }[] {
    return this.#wish.globs.map(({ text, matches }) => ({
      text,
      matches: (table) => matches(table) && this.#allows(table),
    }));
  }

  /** What is in force, for the client to see. */
  get effective(): EffectiveFilter {
    const { rules = [], partition, origins } = this.#asked;
    // Of tables that were asked for by name, those alone: what else the grant says may change without a reader noticing.
    const restricted = this.#namesAll
      ? this.#restricted.filter((rule) => this.#concerns(rule))
      : this.#restricted;
    return {
      tables: effectivePatterns(this.#wish, this.#grant),
      ...(restricted.length === 0 ? {} : { restricted }),
      ...(rules.length === 0 ? {} : { rules }),
      ...(partition === undefined ? {} : { partition }),
      ...(origins === undefined ? {} : { origins }),
    };
  }

  /** Equal texts: two readers get the same of the same log, acknowledged gaps apart. */
  get text(): string {
    const { tables, operations, rules = [], partition, origins } = this.#asked;
    const grant = grantText(this.#rules.map(({ rule }) => rule));
    return JSON.stringify([tables, operations, rules, partition, origins, grant]);
  }

  /** Equal texts: of two grants with the same wish the reader gets the same. */
  get accessText(): string {
    if (!this.#namesAll) return grantText(this.#rules.map(({ rule }) => rule));
    return JSON.stringify(this.#wish.names.map((name) => this.#access(name)));
  }

  /** What a table version that is wanted is to this reader; undefined where it has all of it. @throws as RowRules.filterOf. */
  rowsOf(version: TableVersion): RowFilter | undefined {
    const access = this.#access(`${version.schema}.${version.table}`);
    if (access === undefined) throw new DrcError('INTERNAL', 'Rows of a table that may not be read.');
    return this.#rows.filterOf(version, access);
  }

  /** A table version that may be read, with the columns as this reader gets them, whichever rows it may have. */
  shapeOf(version: TableVersion): TableVersion {
    const access = this.#access(`${version.schema}.${version.table}`);
    if (access === undefined) throw new DrcError('INTERNAL', 'Columns of a table that may not be read.');
    return this.#rows.filterOf(version, { ...access, anyOf: [] })?.version ?? version;
  }

  /** Whether anything is wanted of transactions of this origin (chunk.ts). */
  wantsOrigin(origin: string): boolean {
    return wantsOrigin(this.#asked.origins, origin);
  }

  wantsTable(table: string): boolean {
    return (this.#wish.texts.length === 0 || this.#wish.matches(table)) && this.#allows(table);
  }

  /** Whether row parts of this kind (chunk.ts) are wanted. */
  wantsKind(kind: number): boolean {
    return (this.#kinds & (1 << kind)) !== 0;
  }

  /** Whether a part of this kind may hold what is wanted: an update that crosses a condition is an insert or a delete. */
  mayWantPart(kind: number): boolean {
    if (this.wantsKind(kind)) return true;
    const isWhole = this.#rows.isEmpty && this.#restricted.length === 0;
    return (
      !isWhole &&
      kind === PartKind.update &&
      (this.wantsKind(PartKind.insert) || this.wantsKind(PartKind.delete))
    );
  }

  /**
   * The statement as this reader may see it; undefined where it concerns none of its tables. The text stays where the
   * reader may read everything that the statement names; which tables a text names beyond that cannot be told for
   * sure (no parser reads all of it), so a statement without any is shown in full under an unlimited grant only.
   */
  ddl(ddl: Ddl): Ddl | undefined {
    if (ddl.tables.length === 0) return this.#ddlWithoutTables(ddl);
    const allowed = ddl.tables.filter((table) => this.#allows(table));
    if (!allowed.some((table) => this.wantsTable(table))) return undefined;
    const isShown = ddl.tables.every((table) => this.#readsAllOf(table));
    return isShown ? withSafeText(ddl) : withoutText({ ...ddl, tables: allowed });
  }

  /** Of the tables of a GAP (none: it may be any) those that this reader reads; undefined where it reads none of them. */
  gap(tables: readonly string[]): readonly string[] | undefined {
    const wanted = tables.filter((table) => this.wantsTable(table));
    return tables.length > 0 && wanted.length === 0 ? undefined : wanted;
  }

  #ddlWithoutTables(ddl: Ddl): Ddl | undefined {
    if (schemaVerb.test(ddl.verb)) {
      const schema = ddl.defaultSchema;
      const wanted = this.#wish.texts.length === 0 || this.#wish.touchesSchema(schema);
      if (!wanted || !(this.#grant.all || this.#grant.touchesSchema(schema))) return undefined;
      return this.#full.all || this.#full.coversSchema(schema) ? withSafeText(ddl) : withoutText(ddl);
    }
    return this.#wish.texts.length === 0 && this.#full.all ? withSafeText(ddl) : undefined;
  }

  /** Whether all that is wanted was asked for by name. */
  get #namesAll(): boolean {
    return this.#wish.texts.length > 0 && this.#wish.names.length === this.#wish.texts.length;
  }

  /** Whether the rule keeps something back of a table that was asked for by name. */
  #concerns({ tables }: GrantRule): boolean {
    const patterns = new TablePatterns(tables);
    return this.#wish.names.some(
      (name) => (patterns.all || patterns.matches(name)) && !this.#readsAllOf(name),
    );
  }

  #access(table: string): Access | undefined {
    return accessOf(
      this.#rules.filter(({ patterns }) => patterns.all || patterns.matches(table)).map(({ rule }) => rule),
    );
  }

  #readsAllOf(table: string): boolean {
    const access = this.#access(table);
    return access !== undefined && isFull(access);
  }

  #allows(table: string): boolean {
    return this.#grant.all || this.#grant.matches(table);
  }
}

/** Each glob once: rules may share them, and their number is limited. */
const patternsOf = (rules: readonly GrantRule[]): TablePatterns =>
  new TablePatterns([...new Set(rules.flatMap(({ tables }) => tables))]);

const withSafeText = (ddl: Ddl): Ddl => (accountVerb.test(ddl.verb) ? withoutText(ddl) : ddl);

function withoutText(ddl: Ddl): Ddl {
  const { text: _, ...rest } = ddl;
  return rest;
}
