import type { Name, NameReader } from './name-reader.js';
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

/** Reads one statement that changes definitions. */
export class DdlReader {
  readonly #names: NameReader;

  /** @param names in front of the verb */
  constructor(names: NameReader) {
    this.#names = names;
  }

  /** Undefined where the words are not those of a statement known. */
  read(): DdlStatement | undefined {
    let verb = this.#names.take();
    if (verb === 'GRANT' || verb === 'REVOKE') return account(verb);
    if (verb === 'SET' || verb === 'CHANGE') {
      const what = this.#names.take();
      if (verb === 'SET' && what === 'DEFAULT') return account('SET DEFAULT ROLE');
      return what === 'PASSWORD' || what === 'ROLE' || verb === 'CHANGE'
        ? account(`${verb} ${what}`)
        : undefined;
    }
    if (verb === 'TRUNCATE') {
      if (this.#names.peek() === 'TABLE') this.#names.skip();
      return this.#onRelations('TRUNCATE TABLE', 'TABLE', this.#names.names(), false);
    }
    const { object, isTemporary, isReplacing } = this.#object();
    // It drops what was there before: to a reader that is another statement.
    if (isReplacing) verb += ' OR REPLACE';
    if (accounts.has(object)) return account(`${verb} ${object}`);
    this.#skipExistence();
    if (object === 'TRIGGER' || object === 'INDEX') return this.#onTable(verb, object);
    if (relations.has(object)) {
      const kind = object === 'TABLES' ? 'TABLE' : object;
      const names =
        verb === 'RENAME' ? this.#renames() : verb === 'DROP' ? this.#names.names() : this.#names.oneName();
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

  /** The kind of thing that is made, changed or removed: the first word that is one, modifiers skipped. */
  #object(): { object: string; isTemporary: boolean; isReplacing: boolean } {
    let isTemporary = false;
    let isReplacing = false;
    for (;;) {
      const token = this.#names.token();
      if (token === undefined) return { object: '', isTemporary, isReplacing };
      this.#names.skip();
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
    if (this.#names.peek() === '=') this.#names.skip(2);
    if (this.#names.peek() === '@') this.#names.skip(2);
  }

  #skipExistence(): void {
    if (this.#names.peek() !== 'IF') return;
    this.#names.skip();
    if (this.#names.peek() === 'NOT') this.#names.skip();
    if (this.#names.peek() === 'EXISTS') this.#names.skip();
  }

  #onRelations(verb: string, kind: string, names: readonly Name[], isTemporary: boolean): DdlStatement {
    const rest = this.#names.rest.filter((token) => token.kind === 'word' || token.kind === 'symbol');
    const isCreateTable = kind === 'TABLE' && verb.startsWith('CREATE');
    const renamed = verb === 'ALTER TABLE' ? this.#alterTargets() : [];
    const targets = [...names, ...renamed].map((name) => name.full);
    return {
      verb,
      targets,
      tables: unique([...targets, ...this.#mentioned()]),
      schema: names[0]?.schema ?? this.#names.defaultSchema,
      isAccount: false,
      isTemporary,
      carriesRows:
        isCreateTable &&
        rest.some((token, at) => rest[at - 1]?.text !== '.' && startsRows(token, rest[at + 1])),
    };
  }

  /** CREATE/DROP INDEX … ON table, CREATE TRIGGER … ON table. DROP TRIGGER names no table. */
  #onTable(verb: string, object: string): DdlStatement {
    const own = object === 'TRIGGER' ? this.#names.name() : undefined;
    this.#names.skipTo('ON');
    const table = this.#names.name();
    const targets = table === undefined ? [] : [table.full];
    return {
      ...account(`${verb} ${object}`),
      isAccount: false,
      targets,
      tables: unique([...targets, ...this.#mentioned()]),
      schema: (table ?? own)?.schema ?? this.#names.defaultSchema,
    };
  }

  #onRoutine(verb: string, object: string): DdlStatement {
    if (object === 'PACKAGE' && this.#names.peek() === 'BODY') this.#names.skip();
    this.#skipExistence();
    const name = this.#names.name();
    return {
      ...account(`${verb} ${object}`),
      isAccount: false,
      tables: unique(this.#mentioned()),
      schema: name?.schema ?? this.#names.defaultSchema,
    };
  }

  /** ALTER TABLE … RENAME [TO] name, EXCHANGE PARTITION … WITH TABLE name, CONVERT … TABLE name. */
  #alterTargets(): Name[] {
    const found: Name[] = [];
    const start = this.#names.at;
    for (; !this.#names.isAtEnd; this.#names.skip()) {
      const token = this.#names.token()!;
      if (token.kind !== 'word') continue;
      const next = this.#names.token(1);
      const isObject = next?.kind === 'word' && ['COLUMN', 'INDEX', 'KEY', 'PARTITION'].includes(next.upper);
      if ((token.upper !== 'RENAME' || isObject) && token.upper !== 'TABLE') continue;
      this.#names.skip();
      if (['TO', 'AS', '='].includes(this.#names.peek())) this.#names.skip();
      const name = this.#names.name();
      if (name !== undefined) found.push(name);
      this.#names.skip(-1);
    }
    this.#names.returnTo(start);
    return found;
  }

  /** Names behind FROM, JOIN, REFERENCES … from here to the end of the statement. */
  #mentioned(): string[] {
    const found: string[] = [];
    while (!this.#names.isAtEnd) {
      const before = this.#names.peekBack();
      const token = this.#names.token()!;
      this.#names.skip();
      if (token.kind !== 'word' || !mentions.has(token.upper)) continue;
      // ON UPDATE CURRENT_TIMESTAMP, ON UPDATE CASCADE, FOR UPDATE: no table follows.
      if (token.upper === 'UPDATE' && (before === 'ON' || before === 'FOR')) continue;
      found.push(...this.#names.names().map((name) => name.full));
    }
    return found;
  }

  /** a TO b, c TO d */
  #renames(): Name[] {
    const found: Name[] = [];
    do {
      const from = this.#names.name();
      this.#names.skipTo('TO');
      const to = this.#names.name();
      for (const name of [from, to]) if (name !== undefined) found.push(name);
    } while (this.#names.take() === ',');
    return found;
  }

  #schemaName(): string {
    // ALTER DATABASE without a name means the default one.
    const token = this.#names.token();
    const isName =
      token !== undefined && !['CHARACTER', 'CHARSET', 'COLLATE', 'DEFAULT', 'COMMENT'].includes(token.upper);
    return (isName ? this.#names.identifier() : undefined) ?? this.#names.defaultSchema;
  }
}

/** SELECT, TABLE, or VALUES as a table (MySQL: `VALUES ROW(…)`); `VALUES LESS THAN` and `VALUES IN` are partitions. */
const startsRows = ({ upper }: SqlToken, next: SqlToken | undefined): boolean =>
  upper === 'SELECT' || upper === 'TABLE' || (upper === 'VALUES' && ['(', 'ROW'].includes(next?.upper ?? ''));

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
