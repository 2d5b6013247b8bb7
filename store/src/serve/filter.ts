import { DrcError, PartKind, type Ddl, type Grant, type RowOperation } from '@drc/protocol';
import { effectivePatterns, TablePatterns } from './table-patterns.js';

/** What a client asks for. */
export interface Wish {
  /** Empty: all that the grant allows. */
  readonly tables: readonly string[];
  /** Empty: all row operations, and the steps of sequences. */
  readonly operations: readonly RowOperation[];
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
  readonly #grant: TablePatterns;
  /** Bit `kind` is set where row parts of that kind are wanted. */
  readonly #kinds: number;

  /** @throws DrcError `PROTOCOL_VIOLATION` for a pattern outside the limits, `FORBIDDEN` for a table by name. */
  constructor(wish: Wish, grant: Grant) {
    this.#wish = new TablePatterns(wish.tables);
    this.#grant = new TablePatterns(grant.tables);
    const hidden = this.#wish.names.find((name) => !this.#allows(name));
    if (hidden !== undefined) {
      throw new DrcError('FORBIDDEN', `The table ${hidden} may not be read.`, { table: hidden });
    }
    this.#kinds =
      wish.operations.length === 0
        ? ~0
        : wish.operations.reduce((kinds, operation) => kinds | (1 << PartKind[operation]), 0);
  }

  /** The tables that were asked for by name, which the topic must therefore have. */
  get namedTables(): readonly string[] {
    return this.#wish.names;
  }

  /** What is in force, for the client to see. */
  get effective(): Grant {
    return { tables: effectivePatterns(this.#wish, this.#grant) };
  }

  wantsTable(table: string): boolean {
    return (this.#wish.texts.length === 0 || this.#wish.matches(table)) && this.#allows(table);
  }

  /** Whether row parts of this kind (chunk.ts) are wanted. */
  wantsKind(kind: number): boolean {
    return (this.#kinds & (1 << kind)) !== 0;
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
    return allowed.length === ddl.tables.length
      ? withSafeText(ddl)
      : withoutText({ ...ddl, tables: allowed });
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
      return this.#grant.all || this.#grant.coversSchema(schema) ? withSafeText(ddl) : withoutText(ddl);
    }
    return this.#wish.texts.length === 0 && this.#grant.all ? withSafeText(ddl) : undefined;
  }

  #allows(table: string): boolean {
    return this.#grant.all || this.#grant.matches(table);
  }
}

const withSafeText = (ddl: Ddl): Ddl => (accountVerb.test(ddl.verb) ? withoutText(ddl) : ddl);

function withoutText(ddl: Ddl): Ddl {
  const { text: _, ...rest } = ddl;
  return rest;
}
