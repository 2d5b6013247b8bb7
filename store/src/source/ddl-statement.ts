import type { SqlToken } from './sql-tokens.js';

/** A statement that changes definitions. Names are `schema.table`. */
export interface DdlStatement {
  /** First words in capitals, without modifiers other than OR REPLACE: `ALTER TABLE`, `CREATE OR REPLACE DATABASE`. */
  readonly verb: string;
  /** Tables and views that it defines, changes or removes. */
  readonly targets: readonly string[];
  /** `targets`, and what else it mentions as far as could be told; more is possible, e.g. `x` in `EXTRACT(DAY FROM x)`. */
  readonly tables: readonly string[];
  /** The schema of what it changes; empty where there is none (accounts, servers, tablespaces). */
  readonly schema: string;
  /** Of an account or a server: only the verb is kept. */
  readonly isAccount: boolean;
  readonly isTemporary: boolean;
  /** CREATE TABLE … SELECT written as a statement. */
  readonly carriesRows: boolean;
}

const relations: ReadonlySet<string> = new Set(['TABLE', 'TABLES', 'VIEW', 'SEQUENCE', 'INDEX', 'TRIGGER']);
const routines: ReadonlySet<string> = new Set(['PROCEDURE', 'FUNCTION', 'EVENT', 'PACKAGE', 'LIBRARY']);
const accounts: ReadonlySet<string> = new Set(['USER', 'ROLE', 'SERVER']);
const others: ReadonlySet<string> = new Set([
  'DATABASE',
  'SCHEMA',
  'TABLESPACE',
  'LOGFILE',
  'REFERENCE',
  'RESOURCE',
  'INSTANCE',
]);
/** A list of names may follow these in the body of a view or a routine. */
const mentions: ReadonlySet<string> = new Set([
  'FROM',
  'JOIN',
  'INTO',
  'UPDATE',
  'REFERENCES',
  'LIKE',
  'TABLE',
]);

const dmlModifiers: ReadonlySet<string> = new Set([
  'LOW_PRIORITY',
  'HIGH_PRIORITY',
  'DELAYED',
  'QUICK',
  'IGNORE',
  'INTO',
]);
/** What follows the table of a DELETE that has one table. */
const behindDeleteTable: ReadonlySet<string> = new Set(['WHERE', 'ORDER', 'LIMIT', 'RETURNING', ';']);

/** Reads names from the tokens of one statement. */
export class DdlReader {
  readonly #tokens: readonly SqlToken[];
  readonly #defaultSchema: string;
  #at: number;

  constructor(tokens: readonly SqlToken[], at: number, defaultSchema: string) {
    this.#tokens = tokens;
    this.#at = at;
    this.#defaultSchema = defaultSchema;
  }

  /** Undefined where the words are not those of a statement known. */
  read(): DdlStatement | undefined {
    let verb = this.#take();
    if (verb === 'GRANT' || verb === 'REVOKE') return account(verb);
    if (verb === 'SET' || verb === 'CHANGE') {
      const what = this.#take();
      if (verb === 'SET' && what === 'DEFAULT') return account('SET DEFAULT ROLE');
      return what === 'PASSWORD' || what === 'ROLE' || verb === 'CHANGE'
        ? account(`${verb} ${what}`)
        : undefined;
    }
    if (verb === 'TRUNCATE') {
      if (this.#peek() === 'TABLE') this.#at++;
      return this.#onRelations('TRUNCATE TABLE', 'TABLE', this.#names(), false);
    }
    const { object, isTemporary, isReplacing } = this.#object();
    // It drops what was there before: to a reader that is another statement.
    if (isReplacing) verb += ' OR REPLACE';
    if (accounts.has(object)) return account(`${verb} ${object}`);
    this.#skipExistence();
    if (object === 'TRIGGER' || object === 'INDEX') return this.#onTable(verb, object);
    if (relations.has(object)) {
      const kind = object === 'TABLES' ? 'TABLE' : object;
      const names = verb === 'RENAME' ? this.#renames() : verb === 'DROP' ? this.#names() : this.#oneName();
      return this.#onRelations(`${verb} ${kind}`, kind, names, isTemporary);
    }
    if (routines.has(object)) return this.#onRoutine(verb, object);
    if (!others.has(object)) return undefined;
    const isSchema = object === 'DATABASE' || object === 'SCHEMA';
    return {
      ...account(`${verb} ${object === 'SCHEMA' ? 'DATABASE' : object}`),
      isAccount: false,
      schema: isSchema ? this.#schemaName() : '',
    };
  }

  /**
   * The one table that a DML statement writes; empty where that is not plain: an UPDATE or DELETE of which anything else
   * follows the table than its syntax for one table has may write several.
   */
  dmlTarget(): string {
    const verb = this.#take();
    if (verb === 'LOAD') this.#skipTo('TABLE');
    while (dmlModifiers.has(this.#peek())) this.#at++;
    if (verb === 'DELETE' && this.#take() !== 'FROM') return '';
    const name = this.#name()?.full ?? '';
    switch (verb) {
      case 'INSERT':
      case 'REPLACE':
      case 'LOAD':
        return name;
      case 'UPDATE':
        this.#skipAlias();
        return this.#peek() === 'SET' ? name : '';
      case 'DELETE':
        this.#skipAlias();
        return this.#at >= this.#tokens.length || behindDeleteTable.has(this.#peek()) ? name : '';
      default:
        return '';
    }
  }

  /** `PARTITION (p, …)` and `[AS] alias`, in the order in which either server has them. */
  #skipAlias(): void {
    this.#skipPartitions();
    if (this.#peek() === 'AS') this.#at += 2;
    else if (this.#peek() !== 'SET' && !behindDeleteTable.has(this.#peek()) && this.#isIdentifier())
      this.#at++;
    this.#skipPartitions();
  }

  #skipPartitions(): void {
    if (this.#peek() !== 'PARTITION') return;
    this.#skipTo(')');
  }

  #isIdentifier(): boolean {
    const kind = this.#tokens[this.#at]?.kind;
    return kind === 'word' || kind === 'name';
  }

  /** The kind of thing that is made, changed or removed: the first word that is one, modifiers skipped. */
  #object(): { object: string; isTemporary: boolean; isReplacing: boolean } {
    let isTemporary = false;
    let isReplacing = false;
    for (;;) {
      const token = this.#tokens[this.#at];
      if (token === undefined) return { object: '', isTemporary, isReplacing };
      this.#at++;
      if (token.kind !== 'word') continue;
      if (token.upper === 'TEMPORARY') isTemporary = true;
      if (token.upper === 'REPLACE') isReplacing = true;
      if (token.upper === 'DEFINER') this.#skipDefiner();
      else if ([relations, routines, accounts, others].some((kinds) => kinds.has(token.upper)))
        return { object: token.upper, isTemporary, isReplacing };
    }
  }

  /** `= user@host`, whose words could be anything. */
  #skipDefiner(): void {
    if (this.#peek() === '=') this.#at += 2;
    if (this.#peek() === '@') this.#at += 2;
  }

  #skipExistence(): void {
    if (this.#peek() !== 'IF') return;
    this.#at++;
    if (this.#peek() === 'NOT') this.#at++;
    if (this.#peek() === 'EXISTS') this.#at++;
  }

  #onRelations(verb: string, kind: string, names: readonly Name[], isTemporary: boolean): DdlStatement {
    const rest = this.#tokens
      .slice(this.#at)
      .filter((token) => token.kind === 'word' || token.kind === 'symbol');
    const isCreateTable = kind === 'TABLE' && verb.startsWith('CREATE');
    const renamed = verb === 'ALTER TABLE' ? this.#alterTargets() : [];
    const targets = [...names, ...renamed].map((name) => name.full);
    return {
      verb,
      targets,
      tables: unique([...targets, ...this.#mentioned()]),
      schema: names[0]?.schema ?? this.#defaultSchema,
      isAccount: false,
      isTemporary,
      carriesRows: isCreateTable && rest.some((token, index) => startsRows(token, rest[index + 1])),
    };
  }

  /** CREATE/DROP INDEX … ON table, CREATE TRIGGER … ON table. DROP TRIGGER names no table. */
  #onTable(verb: string, object: string): DdlStatement {
    const own = object === 'TRIGGER' ? this.#name() : undefined;
    this.#skipTo('ON');
    const table = this.#name();
    const targets = table === undefined ? [] : [table.full];
    return {
      ...account(`${verb} ${object}`),
      isAccount: false,
      targets,
      tables: unique([...targets, ...this.#mentioned()]),
      schema: (table ?? own)?.schema ?? this.#defaultSchema,
    };
  }

  #onRoutine(verb: string, object: string): DdlStatement {
    if (object === 'PACKAGE' && this.#peek() === 'BODY') this.#at++;
    this.#skipExistence();
    const name = this.#name();
    return {
      ...account(`${verb} ${object}`),
      isAccount: false,
      tables: unique(this.#mentioned()),
      schema: name?.schema ?? this.#defaultSchema,
    };
  }

  /** ALTER TABLE … RENAME [TO] name, EXCHANGE PARTITION … WITH TABLE name, CONVERT … TABLE name. */
  #alterTargets(): Name[] {
    const found: Name[] = [];
    const start = this.#at;
    for (; this.#at < this.#tokens.length; this.#at++) {
      const token = this.#tokens[this.#at]!;
      if (token.kind !== 'word') continue;
      const next = this.#tokens[this.#at + 1];
      const isObject = next?.kind === 'word' && ['COLUMN', 'INDEX', 'KEY', 'PARTITION'].includes(next.upper);
      if ((token.upper !== 'RENAME' || isObject) && token.upper !== 'TABLE') continue;
      this.#at++;
      if (['TO', 'AS', '='].includes(this.#peek())) this.#at++;
      const name = this.#name();
      if (name !== undefined) found.push(name);
      this.#at--;
    }
    this.#at = start;
    return found;
  }

  /** Names behind FROM, JOIN, REFERENCES … from here to the end of the statement. */
  #mentioned(): string[] {
    const found: string[] = [];
    while (this.#at < this.#tokens.length) {
      const before = this.#peekBack();
      const token = this.#tokens[this.#at++]!;
      if (token.kind !== 'word' || !mentions.has(token.upper)) continue;
      // ON UPDATE CURRENT_TIMESTAMP, ON UPDATE CASCADE, FOR UPDATE: no table follows.
      if (token.upper === 'UPDATE' && (before === 'ON' || before === 'FOR')) continue;
      found.push(...this.#names().map((name) => name.full));
    }
    return found;
  }

  /** a TO b, c TO d */
  #renames(): Name[] {
    const found: Name[] = [];
    do {
      const from = this.#name();
      this.#skipTo('TO');
      const to = this.#name();
      for (const name of [from, to]) if (name !== undefined) found.push(name);
    } while (this.#take() === ',');
    return found;
  }

  #oneName(): Name[] {
    const name = this.#name();
    return name === undefined ? [] : [name];
  }

  /** A list of names; an alias behind a name is passed over. */
  #names(): Name[] {
    const found: Name[] = [];
    for (;;) {
      const name = this.#name();
      if (name === undefined) return found;
      found.push(name);
      if (this.#peek() === 'AS') this.#at += 2;
      else if (this.#tokens[this.#at + 1]?.text === ',' && this.#peek() !== ',') this.#at++;
      if (this.#peek() !== ',') return found;
      this.#at++;
    }
  }

  #name(): Name | undefined {
    const first = this.#identifier();
    if (first === undefined) return undefined;
    if (this.#peek() !== '.') return { schema: this.#defaultSchema, full: `${this.#defaultSchema}.${first}` };
    this.#at++;
    const second = this.#identifier() ?? '';
    return { schema: first, full: `${first}.${second}` };
  }

  #schemaName(): string {
    // ALTER DATABASE without a name means the default one.
    const token = this.#tokens[this.#at];
    const isName =
      token !== undefined && !['CHARACTER', 'CHARSET', 'COLLATE', 'DEFAULT', 'COMMENT'].includes(token.upper);
    return (isName ? this.#identifier() : undefined) ?? this.#defaultSchema;
  }

  #identifier(): string | undefined {
    const token = this.#tokens[this.#at];
    if (token === undefined || (token.kind !== 'word' && token.kind !== 'name')) return undefined;
    this.#at++;
    return token.text;
  }

  #skipTo(upper: string): void {
    while (this.#at < this.#tokens.length && this.#take() !== upper);
  }

  /** The next word in capitals, or symbol; empty for a quoted one, so that names are never taken for key words. */
  #peek(): string {
    const token = this.#tokens[this.#at];
    return token === undefined || token.kind === 'name' || token.kind === 'string' ? '' : token.upper;
  }

  #peekBack(): string {
    return this.#tokens[this.#at - 1]?.upper ?? '';
  }

  #take(): string {
    const upper = this.#peek();
    this.#at++;
    return upper;
  }
}

interface Name {
  readonly schema: string;
  readonly full: string;
}

/** SELECT, or VALUES as a table; `VALUES LESS THAN` and `VALUES IN` are partitions. */
const startsRows = (token: SqlToken, next: SqlToken | undefined): boolean =>
  token.upper === 'SELECT' || (token.upper === 'VALUES' && next?.text === '(');

const unique = (names: readonly string[]): string[] => [...new Set(names)];

const account = (verb: string): DdlStatement => ({
  verb,
  targets: [],
  tables: [],
  schema: '',
  isAccount: true,
  isTemporary: false,
  carriesRows: false,
});
