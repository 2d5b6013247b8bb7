import type { TableName } from '../table-name.js';
import type { DdlToken } from './ddl-tokens.js';

/** A statement on tables, as far as congo understands it. Names have their schema; what is kept as tokens has not been looked into. */
export type TableDdl =
  | { readonly kind: 'truncate'; readonly table: TableName }
  | { readonly kind: 'drop'; readonly tables: readonly TableName[]; readonly ifExists: boolean }
  | { readonly kind: 'rename'; readonly pairs: readonly RenamePair[] }
  | {
      readonly kind: 'create';
      readonly table: TableName;
      readonly replaces: boolean;
      readonly ifNotExists: boolean;
      readonly like: TableName | undefined;
      readonly body: readonly (readonly DdlToken[])[];
      readonly options: readonly DdlToken[];
    }
  | { readonly kind: 'alter'; readonly table: TableName; readonly specs: readonly (readonly DdlToken[])[] }
  /** Of the schema itself. */
  | { readonly kind: 'database'; readonly verb: string; readonly schema: string };

export interface RenamePair {
  readonly from: TableName;
  readonly to: TableName;
}

/** Reads tokens of one statement. */
export class DdlReader {
  readonly #tokens: readonly DdlToken[];
  readonly #schema: string;
  #at = 0;

  /** @param schema where names without one belong */
  constructor(tokens: readonly DdlToken[], schema: string) {
    this.#tokens = tokens;
    this.#schema = schema;
  }

  /** `nothing`: about something that is no table. Undefined: not understood. */
  read(): TableDdl | 'nothing' | undefined {
    const verb = this.#take();
    if (verb === 'TRUNCATE') {
      this.#accept('TABLE');
      const table = this.#name();
      return table && this.#isAtEnd(['WAIT', 'NOWAIT']) ? { kind: 'truncate', table } : undefined;
    }
    if (verb === 'RENAME') return this.#acceptAny('TABLE', 'TABLES') ? this.#rename() : undefined;
    if (verb === 'DROP') return this.#drop();
    if (verb === 'CREATE') return this.#create();
    if (verb === 'ALTER') return this.#alter();
    return undefined;
  }

  #drop(): TableDdl | 'nothing' | undefined {
    if (this.#acceptAny('DATABASE', 'SCHEMA')) return this.#database('DROP');
    if (this.#accept('TEMPORARY')) return 'nothing';
    if (this.#accept('INDEX')) return this.#dropIndex();
    if (!this.#acceptAny('TABLE', 'TABLES')) return this.#isOther() ? 'nothing' : undefined;
    const ifExists = this.#existence();
    const tables = this.#names();
    return tables.length > 0 && this.#isAtEnd(['RESTRICT', 'CASCADE', 'WAIT', 'NOWAIT'])
      ? { kind: 'drop', tables, ifExists }
      : undefined;
  }

  #dropIndex(): TableDdl | undefined {
    if (this.#existence()) return undefined;
    const index = this.#next();
    if (!index || !this.#accept('ON')) return undefined;
    const table = this.#name();
    return table && this.#isAtEnd([])
      ? { kind: 'alter', table, specs: [[keyWord('DROP'), keyWord('INDEX'), index]] }
      : undefined;
  }

  #create(): TableDdl | 'nothing' | undefined {
    const replaces = this.#accept('OR') && this.#accept('REPLACE');
    if (this.#acceptAny('DATABASE', 'SCHEMA'))
      return this.#database(replaces ? 'CREATE OR REPLACE' : 'CREATE');
    if (this.#accept('TEMPORARY')) return 'nothing';
    const at = this.#at;
    const kind = this.#acceptAny('UNIQUE', 'FULLTEXT', 'SPATIAL');
    if (this.#accept('INDEX')) return this.#createIndex(kind);
    this.#at = at;
    if (!this.#accept('TABLE')) return this.#isOther() ? 'nothing' : undefined;
    const ifNotExists = this.#existence();
    const table = this.#name();
    if (!table) return undefined;
    const start = { kind: 'create', table, replaces, ifNotExists } as const;
    if (this.#accept('LIKE')) {
      const like = this.#name();
      return like && this.#isAtEnd([]) ? { ...start, like, body: [], options: [] } : undefined;
    }
    const inner = this.#group();
    if (!inner) return undefined;
    if (inner[0]?.upper === 'LIKE') {
      const like = new DdlReader(inner.slice(1), this.#schema).#name();
      return like && { ...start, like, body: [], options: [] };
    }
    return { ...start, like: undefined, body: split(inner), options: this.#rest() };
  }

  #createIndex(kind: string | undefined): TableDdl | undefined {
    const index = this.#next();
    const using = this.#accept('USING') ? [keyWord('USING'), this.#next()!] : [];
    if (!index || !this.#accept('ON')) return undefined;
    const table = this.#name();
    if (!table) return undefined;
    const head = [
      keyWord('ADD'),
      ...(kind === undefined ? [] : [keyWord(kind)]),
      keyWord('INDEX'),
      index,
      ...using,
    ];
    return { kind: 'alter', table, specs: [[...head, ...this.#rest()]] };
  }

  #alter(): TableDdl | 'nothing' | undefined {
    if (this.#acceptAny('DATABASE', 'SCHEMA')) return this.#database('ALTER');
    this.#accept('ONLINE');
    if (!this.#accept('TABLE')) return this.#isOther() ? 'nothing' : undefined;
    this.#existence();
    const table = this.#name();
    if (!table) return undefined;
    const specs = split(this.#rest());
    const renames = specs.filter(
      (spec) => spec[0]?.upper === 'RENAME' && !['COLUMN', 'INDEX', 'KEY'].includes(spec[1]?.upper ?? ''),
    );
    if (renames.length === 0) return { kind: 'alter', table, specs };
    if (specs.length > 1) return undefined;
    const noise = ['TO', 'AS', '='].includes(specs[0]?.[1]?.upper ?? '') ? 2 : 1;
    const reader = new DdlReader(specs[0]!.slice(noise), this.#schema);
    const to = reader.#name();
    return to && reader.#isAtEnd([]) ? { kind: 'rename', pairs: [{ from: table, to }] } : undefined;
  }

  #rename(): TableDdl | undefined {
    if (this.#existence()) return undefined;
    const pairs: RenamePair[] = [];
    do {
      const from = this.#name();
      if (!from || !this.#accept('TO')) return undefined;
      const to = this.#name();
      if (!to) return undefined;
      pairs.push({ from, to });
    } while (this.#accept(','));
    return this.#isAtEnd([]) ? { kind: 'rename', pairs } : undefined;
  }

  #database(verb: string): TableDdl | undefined {
    this.#existence();
    const next = this.#tokens[this.#at];
    const isName =
      next !== undefined &&
      (next.kind === 'name' ||
        (next.kind === 'word' && !/^(DEFAULT|CHARACTER|CHARSET|COLLATE|COMMENT|READ)$/.test(next.upper)));
    return { kind: 'database', verb, schema: isName ? next.text : this.#schema };
  }

  /** Views, triggers, routines and accounts are not what a task copies. */
  #isOther(): boolean {
    const others = /^(VIEW|TRIGGER|PROCEDURE|FUNCTION|EVENT|SEQUENCE|USER|ROLE|SERVER|PACKAGE|TABLESPACE)$/;
    return this.#tokens.slice(1, 12).some(({ upper }) => others.test(upper));
  }

  #existence(): boolean {
    if (!this.#accept('IF')) return false;
    this.#accept('NOT');
    return this.#accept('EXISTS');
  }

  /** What stands in parentheses, from here. */
  #group(): readonly DdlToken[] | undefined {
    if (!this.#accept('(')) return undefined;
    const start = this.#at;
    for (let depth = 1; this.#at < this.#tokens.length; ) {
      const token = this.#take();
      depth += token === '(' ? 1 : token === ')' ? -1 : 0;
      if (depth === 0) return this.#tokens.slice(start, this.#at - 1);
    }
    return undefined;
  }

  #names(): TableName[] {
    const names: TableName[] = [];
    do {
      const name = this.#name();
      if (!name) return [];
      names.push(name);
    } while (this.#accept(','));
    return names;
  }

  #name(): TableName | undefined {
    const first = this.#identifier();
    if (first === undefined) return undefined;
    if (!this.#accept('.')) return this.#schema === '' ? undefined : { schema: this.#schema, table: first };
    const table = this.#identifier();
    return table === undefined ? undefined : { schema: first, table };
  }

  #identifier(): string | undefined {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'name' && token?.kind !== 'word') return undefined;
    this.#at++;
    return token.text;
  }

  #isAtEnd(words: readonly string[]): boolean {
    return this.#tokens.slice(this.#at).every(({ upper }) => words.includes(upper) || /^\d+$/.test(upper));
  }

  #rest(): readonly DdlToken[] {
    const rest = this.#tokens.slice(this.#at);
    this.#at = this.#tokens.length;
    return rest;
  }

  #next(): DdlToken | undefined {
    return this.#tokens[this.#at++];
  }

  #take(): string {
    return this.#next()?.upper ?? '';
  }

  #accept(upper: string): boolean {
    if (this.#tokens[this.#at]?.upper !== upper) return false;
    this.#at++;
    return true;
  }

  #acceptAny(...uppers: readonly string[]): string | undefined {
    return uppers.find((upper) => this.#accept(upper));
  }
}

export const keyWord = (text: string): DdlToken => ({ kind: 'word', text, upper: text, tight: false });

/** At the commas that stand in no parentheses. */
export function split(tokens: readonly DdlToken[]): readonly (readonly DdlToken[])[] {
  const parts: DdlToken[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    depth += token.upper === '(' ? 1 : token.upper === ')' ? -1 : 0;
    if (token.upper === ',' && depth === 0) parts.push([]);
    else parts.at(-1)!.push(token);
  }
  return parts.filter((part) => part.length > 0);
}
