import { rowOf } from './spec.js';
import type { SpecChange, SpecRow, SpecTransaction, SpecValue } from './spec-hub.js';

/*
 *   expectation = transaction* ["stop" CODE]
 *   transaction = "begin" change+ "commit" | change          (a change alone is a transaction of its own)
 *   change      = "insert" table row flag* | "update" table row "->" row flag* | "delete" table row flag*
 *               | "sequence" table row
 *               | "ddl" VERB+ [table ("," table)*] [":" string | "without" "text"]
 *   flag        = "foreign_key_checks=0" | "unique_checks=0"
 *   table       = name | string             (`t` is spec.t; quoted: as it is, with schema)
 *   row         = "{" [(name | string) ":" value ("," …)*] "}"
 *   value       = "null" | number | integer "n" (bigint) | string | x"hex" (bytes) | "repeat(" value "," count ")"
 *               | "[" number ("," number)* "]"       (VECTOR)
 *   string      = as in JSON
 *
 * VERB+ are words in capitals. Without a text, a DDL's text is the statement behind which it stands.
 */

export class SpecSyntaxError extends Error {
  override readonly name = 'SpecSyntaxError';
}

const token =
  /\s*(?:(?<bytes>x"[0-9a-f]*")|(?<string>"(?:[^"\\]|\\.)*")|(?<number>-?\d[\d.]*(?:e[-+]?\d+)?n?)|(?<word>[\p{L}_$][\p{L}\p{N}_$.]*(?:=0)?)|(?<sign>->|[{}:,()[\]]))/uy;

type Kind = 'bytes' | 'string' | 'number' | 'word' | 'sign';

/** Reads one block of `-->` lines. */
export class ExpectationReader {
  readonly #text: string;
  readonly #file: string;
  readonly #line: number;
  readonly #statement: string | undefined;
  #at = 0;
  #kind: Kind | undefined;
  #token = '';

  /** @param line of the file where the block begins; `statement`: the one before the block. */
  constructor(text: string, file: string, line: number, statement: string | undefined) {
    this.#text = text;
    this.#file = file;
    this.#line = line;
    this.#statement = statement;
    this.#next();
  }

  read(): { transactions: SpecTransaction[]; stop?: string } {
    const found: SpecTransaction[] = [];
    while (this.#kind !== undefined) {
      if (this.#skip('stop')) {
        const stop = this.#take('word');
        if (this.#kind !== undefined) throw this.#wrong('nothing behind a stop');
        return { transactions: found, stop };
      }
      if (!this.#skip('begin')) {
        found.push({ changes: [this.#change()] });
        continue;
      }
      const changes: SpecChange[] = [];
      while (!this.#skip('commit')) changes.push(this.#change());
      found.push({ changes });
    }
    return { transactions: found };
  }

  #change(): SpecChange {
    const kind = this.#take('word');
    switch (kind) {
      case 'insert':
        return { kind, table: this.#table(), after: this.#row(), ...this.#flags() };
      case 'delete':
        return { kind, table: this.#table(), before: this.#row(), ...this.#flags() };
      case 'update': {
        const table = this.#table();
        const before = this.#row();
        this.#expect('->');
        return { kind, table, before, after: this.#row(), ...this.#flags() };
      }
      case 'sequence':
        return { kind, table: this.#table(), after: this.#row() };
      case 'ddl':
        return { kind, ddl: this.#ddl() };
      default:
        throw this.#wrong(`a change, not ${kind}`);
    }
  }

  #ddl(): { verb: string; tables: string[]; text?: string } {
    const words = [this.#take('word')];
    while (this.#kind === 'word' && /^[A-Z]+$/.test(this.#token)) words.push(this.#take('word'));
    const tables: string[] = [];
    if (this.#namesTable())
      do tables.push(this.#table());
      while (this.#skip(','));
    const verb = words.join(' ');
    if (this.#skip('without')) {
      this.#expect('text');
      return { verb, tables };
    }
    const text = this.#skip(':') ? parseString(this.#take('string')) : this.#statement;
    return { verb, tables, ...(text === undefined ? {} : { text }) };
  }

  /** Whether a table comes next, rather than the next change. */
  #namesTable(): boolean {
    const keywords = ['begin', 'commit', 'insert', 'update', 'delete', 'sequence', 'ddl', 'without', 'stop'];
    return this.#kind === 'string' || (this.#kind === 'word' && !keywords.includes(this.#token));
  }

  #table(): string {
    if (this.#kind === 'string') return parseString(this.#take('string'));
    const name = this.#take('word');
    return name.includes('.') ? name : `spec.${name}`;
  }

  #row(): SpecRow {
    const entries: (readonly [string, SpecValue])[] = [];
    this.#expect('{');
    if (this.#skip('}')) return rowOf(entries);
    do {
      const name = this.#kind === 'string' ? parseString(this.#take('string')) : this.#take('word');
      if (entries.some(([other]) => other === name)) throw this.#wrong(`column ${name} once only`);
      this.#expect(':');
      entries.push([name, this.#value()]);
    } while (this.#skip(','));
    this.#expect('}');
    return rowOf(entries);
  }

  #value(): SpecValue {
    if (this.#kind === 'string') return parseString(this.#take('string'));
    if (this.#kind === 'bytes') return Buffer.from(this.#take('bytes').slice(2, -1), 'hex');
    if (this.#kind === 'number') {
      const text = this.#take('number');
      return text.endsWith('n') ? BigInt(text.slice(0, -1)) : Number(text);
    }
    if (this.#skip('null')) return null;
    if (this.#skip('[')) return this.#vector();
    this.#expect('repeat');
    this.#expect('(');
    const value = this.#value();
    this.#expect(',');
    const count = Number(this.#take('number'));
    this.#expect(')');
    if (typeof value === 'string') return value.repeat(count);
    if (Buffer.isBuffer(value)) return Buffer.alloc(value.length * count, value);
    throw this.#wrong('text or bytes to repeat');
  }

  #vector(): Float32Array {
    const numbers: number[] = [];
    do numbers.push(Number(this.#take('number')));
    while (this.#skip(','));
    this.#expect(']');
    return Float32Array.from(numbers);
  }

  #flags(): { foreignKeyChecks: boolean; uniqueChecks: boolean } {
    let foreignKeyChecks = true;
    let uniqueChecks = true;
    for (;;) {
      if (this.#skip('foreign_key_checks=0')) foreignKeyChecks = false;
      else if (this.#skip('unique_checks=0')) uniqueChecks = false;
      else return { foreignKeyChecks, uniqueChecks };
    }
  }

  #take(kind: Kind): string {
    if (this.#kind !== kind) throw this.#wrong(kind);
    const taken = this.#token;
    this.#next();
    return taken;
  }

  /** Passes over a word or sign if it comes next. */
  #skip(text: string): boolean {
    if (this.#token !== text || (this.#kind !== 'word' && this.#kind !== 'sign')) return false;
    this.#next();
    return true;
  }

  #expect(text: string): void {
    if (!this.#skip(text)) throw this.#wrong(`"${text}"`);
  }

  #next(): void {
    this.#kind = undefined;
    this.#token = '';
    if (this.#text.slice(this.#at).trim() === '') return;
    token.lastIndex = this.#at;
    const groups = token.exec(this.#text)?.groups;
    if (groups === undefined) throw this.#wrong('something readable');
    this.#at = token.lastIndex;
    for (const [kind, text] of Object.entries(groups)) {
      if (text === undefined) continue;
      this.#kind = kind as Kind;
      this.#token = text;
    }
  }

  #wrong(wanted: string): SpecSyntaxError {
    const line = this.#line + this.#text.slice(0, this.#at).split('\n').length - 1;
    const found = this.#token === '' ? this.#text.slice(this.#at, this.#at + 20) : this.#token;
    return new SpecSyntaxError(`${this.#file}:${line}: expected ${wanted} at "${found}"`);
  }
}

const parseString = (text: string): string => JSON.parse(text) as string;
