import type { Flavour } from './database-server.js';
import type { Spec } from './spec.js';
import { ExpectationReader, SpecSyntaxError } from './spec-expectation.js';
import type { SpecStatement, SpecTransaction } from './spec-hub.js';

/*
 * A spec file is SQL, with expectations in lines that begin with `-->`:
 *
 *   -- The first comment is the title: one sentence.
 *   CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10));
 *   --> ddl CREATE TABLE t
 *
 *   INSERT INTO t VALUES (1, 'a'), (2, 'b');
 *   --> begin
 *   -->   insert t {id: 1, v: "a"}
 *   -->   insert t {id: 2, v: "b"}
 *   --> commit
 *
 * The `-->` lines of the whole file are, in order, everything that a reader gets (grammar: spec-expectation.ts).
 * They stand behind the statements that cause them for the reader's sake only.
 *
 * Statements end with `;`. `DELIMITER //` works as in the mysql client. Lines that begin with `--@` are directives:
 *   --@ session b            the following statements run on connection b (at first: main)
 *   --@ fails ER_DUP_ENTRY   the source refuses the next statement with this error
 *
 * A spec holds on both servers, unless comments of these forms say otherwise:
 *   -- only mariadb            behind the title: it is about what only this server has
 *   -- pending mysql: reason   behind the title: not yet on this server
 *   -- expect mysql            the `-->` lines right behind it are what comes from this server; those of the other
 *                              follow behind `-- expect mariadb`, where anything comes from it
 *   -- server mysql: --gtid-mode=OFF   behind the title: this server runs with these arguments; specs with equal ones
 *                              share a server
 *
 * The last expectation may be `--> stop CODE`: the store stops there with that error, and serves what came before.
 * Such a spec has a server and a store of its own.
 */

/** @returns what the spec says of this server. @throws SpecSyntaxError with the line */
export function parseSpec(text: string, file = 'spec', flavour: Flavour = 'mariadb'): Spec {
  const title = /^-- (.+)$/m.exec(text)?.[1];
  if (title === undefined || !text.startsWith('-- '))
    throw new SpecSyntaxError(`${file}:1: the first line must be a comment that says what the spec shows`);
  const statements: SpecStatement[] = [];
  const expected: SpecTransaction[] = [];
  const splitter = new StatementSplitter();
  let session = 'main';
  let fails: string | undefined;
  let only: Flavour | undefined;
  let pending: string | undefined;
  let stop: string | undefined;
  let serverArguments: readonly string[] = [];
  let block: { lines: string[]; line: number; for?: Flavour } | undefined;

  const endBlock = (): void => {
    if (block === undefined) return;
    if (block.lines.length === 0)
      throw new SpecSyntaxError(`${file}:${block.line}: nothing is expected behind it`);
    const reader = new ExpectationReader(block.lines.join('\n'), file, block.line, statements.at(-1)?.sql);
    const { transactions, stop: code } = reader.read();
    if (block.for === undefined || block.for === flavour) {
      if (stop !== undefined) throw new SpecSyntaxError(`${file}:${block.line}: nothing comes behind a stop`);
      expected.push(...transactions);
      stop = code;
    }
    block = undefined;
  };

  text.split('\n').forEach((line, index) => {
    const at = `${file}:${index + 1}`;
    if (line.startsWith('-->')) {
      if (splitter.inStatement) throw new SpecSyntaxError(`${at}: the statement before has no end`);
      block ??= { lines: [], line: index + 1 };
      block.lines.push(line.slice(3));
      return;
    }
    endBlock();
    const remark = splitter.inStatement ? null : serverRemark.exec(line);
    if (remark !== null) {
      const [word, server, reason] = [remark[1]!, remark[2] as Flavour, remark[3] ?? ''];
      if (word === 'expect') block = { lines: [], line: index + 2, for: server };
      else if (statements.length > 0) throw new SpecSyntaxError(`${at}: this belongs behind the title`);
      else if (word === 'only') only = server;
      else if (reason === '')
        throw new SpecSyntaxError(`${at}: it must say ${word === 'server' ? 'with what arguments' : 'why'}`);
      else if (word === 'server')
        serverArguments = server === flavour ? reason.split(/\s+/) : serverArguments;
      else if (server === flavour) pending = reason;
      return;
    }
    const directive = /^--@\s*(\w+)\s+(\S+)\s*$/.exec(line);
    if (directive !== null) {
      if (directive[1] === 'session') session = directive[2]!;
      else if (directive[1] === 'fails') fails = directive[2]!;
      else throw new SpecSyntaxError(`${at}: there is no directive ${directive[1]}`);
      return;
    }
    for (const sql of splitter.push(line)) {
      statements.push({ sql, session, ...(fails === undefined ? {} : { fails }) });
      fails = undefined;
    }
  });
  endBlock();
  if (splitter.inStatement) throw new SpecSyntaxError(`${file}: the last statement has no end`);
  if (statements.length === 0) throw new SpecSyntaxError(`${file}: there is no statement`);
  return {
    title,
    statements,
    expected,
    ...(only === undefined ? {} : { only }),
    ...(pending === undefined ? {} : { pending }),
    ...(stop === undefined ? {} : { stop }),
    ...(serverArguments.length === 0 ? {} : { serverArguments }),
  };
}

const serverRemark = /^-- (expect|only|pending|server) (mariadb|mysql)(?:: *(.*))?$/;

/**
 * Takes lines, gives statements. Knows quotes and comments, and nothing else of SQL. Comments within a statement are a
 * part of it.
 */
class StatementSplitter {
  #text = '';
  #delimiter = ';';
  /** What ends the quoted text or comment that is open: a quote, or `*` `/`. */
  #quote: string | undefined;

  get inStatement(): boolean {
    return this.#quote !== undefined || this.#text.trim() !== '';
  }

  *push(line: string): Generator<string> {
    const delimiter = /^DELIMITER\s+(\S+)\s*$/i.exec(line);
    if (delimiter !== null && !this.inStatement) {
      this.#delimiter = delimiter[1]!;
      return;
    }
    for (let at = 0; at < line.length; ) {
      const rest = line.slice(at);
      if (this.#quote === undefined && /^(--(\s|$)|#)/.test(rest)) {
        if (this.inStatement) this.#text += rest;
        break;
      }
      if (this.#quote === undefined && rest.startsWith(this.#delimiter)) {
        const sql = this.#text.trim();
        this.#text = '';
        at += this.#delimiter.length;
        if (sql !== '') yield sql;
        continue;
      }
      at += this.#take(rest);
    }
    if (this.inStatement) this.#text += '\n';
  }

  /** One character, or an escaped one, into the statement; how many were taken. */
  #take(rest: string): number {
    const isBorder = rest.startsWith(this.#quote === undefined ? '/*' : '*/');
    if (isBorder && (this.#quote === undefined || this.#quote === '*/')) {
      this.#quote = this.#quote === undefined ? '*/' : undefined;
      this.#text += rest.slice(0, 2);
      return 2;
    }
    const character = rest[0]!;
    const escaped = character === '\\' && this.#quote !== undefined && !['`', '*/'].includes(this.#quote);
    const taken = escaped ? rest.slice(0, 2) : character;
    // A doubled quote ends the string and opens it again: the same in the end.
    if (!escaped && this.#quote === character) this.#quote = undefined;
    else if (!escaped && this.#quote === undefined && /['"`]/.test(character)) this.#quote = character;
    this.#text += taken;
    return taken.length;
  }
}
