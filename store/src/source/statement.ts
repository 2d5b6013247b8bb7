import { DdlReader, type DdlStatement } from './ddl-statement.js';
import { dmlTarget } from './dml-target.js';
import { NameReader } from './name-reader.js';
import { isPlainWrite } from './plain-write.js';
import { mayHoldPassword } from './statement-password.js';
import { sqlTokens, type SqlToken } from './sql-tokens.js';
import { parseXaStatement, type XaStatement } from './xa-xid.js';

/** What a QUERY event does, as far as its words tell. Nothing here depends on more than verbs and names. */
export type Statement =
  | { readonly kind: 'begin' }
  | { readonly kind: 'commit' }
  | { readonly kind: 'rollback' }
  | { readonly kind: 'savepoint' | 'rollback-to' | 'release'; readonly name: string }
  | ({ readonly kind: 'xa' } & XaStatement)
  /** `mayHoldPassword`: only the verb of an account statement is kept, and no text of any other. */
  | { readonly kind: 'ddl'; readonly ddl: DdlStatement; readonly mayHoldPassword: boolean }
  /** It carries rows, or may. `target`: `schema.table` that it writes, where that is one table. `isPlain`: see `isPlainWrite`. */
  | { readonly kind: 'dml'; readonly verb: string; readonly target: string; readonly isPlain: boolean }
  | { readonly kind: 'administrative'; readonly verb: string }
  | { readonly kind: 'unknown'; readonly verb: string };

const dmlVerbs: ReadonlySet<string> = new Set(
  'INSERT UPDATE DELETE REPLACE LOAD CALL DO SELECT WITH HANDLER EXECUTE VALUES TABLE MERGE ('.split(' '),
);
const administrativeVerbs: ReadonlySet<string> = new Set(
  'FLUSH OPTIMIZE REPAIR CHECK CHECKSUM CACHE RESET INSTALL UNINSTALL LOCK UNLOCK'.split(' '),
);
const ddlVerbs: ReadonlySet<string> = new Set(
  'CREATE ALTER DROP RENAME TRUNCATE GRANT REVOKE SET CHANGE'.split(' '),
);

/**
 * The statements that servers write themselves, known without cutting them into tokens; undefined for any other.
 * @throws DrcError `UNSUPPORTED_EVENT`, see `parseXaStatement`
 */
export function plainStatement(bytes: Buffer): Statement | undefined {
  if (bytes.length === 5 && bytes.toString('latin1') === 'BEGIN') return { kind: 'begin' };
  if (bytes.length === 6 && bytes.toString('latin1') === 'COMMIT') return { kind: 'commit' };
  const xa = parseXaStatement(bytes);
  return xa === undefined ? undefined : { kind: 'xa', ...xa };
}

/** @param defaultSchema where names without a schema belong. @param sqlMode that of the QUERY event. */
export function classifyStatement(text: string, defaultSchema: string, sqlMode: number): Statement {
  const tokens = [...sqlTokens(text, sqlMode)];
  const first = skipSetStatement(tokens);
  const verb = tokens[first]?.upper ?? '';
  const second = tokens[first + 1];
  const isAlone = tokens.length === first + 1 || second?.upper === 'WORK' || second?.upper === ';';
  const names = new NameReader(tokens, first, defaultSchema);
  if (tokens[first]?.kind === 'name' || tokens[first]?.kind === 'string')
    return { kind: 'unknown', verb: '' };
  if (verb === 'BEGIN')
    return isAlone ? { kind: 'begin' } : { kind: 'dml', verb, target: '', isPlain: false };
  if (verb === 'START' && second?.upper === 'TRANSACTION') return { kind: 'begin' };
  if (verb === 'COMMIT') return { kind: 'commit' };
  if (verb === 'ROLLBACK') return rollback(tokens, first);
  if (verb === 'SAVEPOINT') return { kind: 'savepoint', name: second?.text ?? '' };
  if (verb === 'RELEASE') return { kind: 'release', name: tokens[first + 2]?.text ?? '' };
  if (verb === 'ANALYZE' || (verb === 'LOAD' && second?.upper === 'INDEX')) {
    // MariaDB's ANALYZE runs the statement that follows.
    const onTable = ['TABLE', 'TABLES', 'LOCAL', 'NO_WRITE_TO_BINLOG', 'INDEX'].includes(second?.upper ?? '');
    return onTable ? { kind: 'administrative', verb } : { kind: 'dml', verb, target: '', isPlain: false };
  }
  if (dmlVerbs.has(verb))
    return { kind: 'dml', verb, target: dmlTarget(names), isPlain: isPlainWrite(tokens, first) };
  if (administrativeVerbs.has(verb)) return { kind: 'administrative', verb };
  if (ddlVerbs.has(verb)) {
    const ddl = new DdlReader(names).read();
    if (ddl === undefined) return { kind: 'unknown', verb };
    return ddl.carriesRows
      ? { kind: 'dml', verb: ddl.verb, target: ddl.targets[0] ?? '', isPlain: false }
      : { kind: 'ddl', ddl, mayHoldPassword: ddl.isAccount || mayHoldPassword(tokens) };
  }
  return { kind: 'unknown', verb };
}

function rollback(tokens: readonly SqlToken[], first: number): Statement {
  const to = tokens.findIndex((token, index) => index > first && token.upper === 'TO');
  if (to < 0) return { kind: 'rollback' };
  const hasNoise =
    tokens[to + 1]?.kind === 'word' && tokens[to + 1]?.upper === 'SAVEPOINT' && to + 2 < tokens.length;
  return { kind: 'rollback-to', name: tokens[to + (hasNoise ? 2 : 1)]?.text ?? '' };
}

/** MariaDB: `SET STATEMENT variable = value, … FOR statement`. */
function skipSetStatement(tokens: readonly SqlToken[]): number {
  if (tokens[0]?.upper !== 'SET' || tokens[1]?.upper !== 'STATEMENT') return 0;
  const at = tokens.findIndex((token) => token.kind === 'word' && token.upper === 'FOR');
  return at < 0 ? 0 : at + 1;
}
