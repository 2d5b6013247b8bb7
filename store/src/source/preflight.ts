import { DrcError } from '@drc/protocol';
import type { Logger } from 'pino';
import type { SourceIdentity } from '../log/transaction-log.js';
import { askPrepared, askServer, askTables } from './checks/ask-source.js';
import { findingsOf } from './checks/check-list.js';
import type { ServerFacts } from './checks/facts.js';
import { isStatement, type Finding } from './checks/finding.js';
import type { SourceControl } from './source-control.js';
import type { TableFilter } from './table-filter.js';

/** What a source is, as far as capture has to know. */
export interface CheckedSource {
  readonly identity: SourceIdentity;
  readonly version: string;
}

export interface PreflightOptions {
  readonly filter: TableFilter;
  readonly logger: Pick<Logger, 'warn' | 'info'>;
  /** How far back a store keeps changes, ms. */
  readonly retentionMs: number;
  /** Capture goes by GTID from one host of a topology to the next. */
  readonly severalHosts?: boolean;
}

/** Of these what is found differs with each look: that is not worth a second warning. */
const measured: ReadonlySet<string> = new Set(['clock_difference', 'connections', 'role']);

/**
 * Looks at the source before anything is read from it, by the same checks as `drc doctor`. A fault is an error; a
 * warning is logged once, and again when something else is found.
 */
export class Preflight {
  readonly #options: PreflightOptions;
  readonly #told = new Set<string>();
  /** Tables are looked at once: a connection that is lost changes nothing of them. */
  #sawTables = false;

  constructor(options: PreflightOptions) {
    this.#options = options;
  }

  /**
   * To be called with each connection.
   * @param isFirst whether a log is about to begin
   * @throws DrcError with all faults at once: `SOURCE_CONFIG`, `SOURCE_PRIVILEGE` or `UNSUPPORTED_COLUMN`, with the
   * steps that mend them in `details.remedies`
   */
  async check(control: SourceControl, isFirst = false): Promise<CheckedSource> {
    const { filter, retentionMs } = this.#options;
    const server = await askServer(control);
    const tables = await askTables(control, server, filter, this.#sawTables ? 'versioned' : 'all');
    const wishes = {
      retentionMs,
      include: filter.include,
      severalHosts: this.#options.severalHosts === true,
    };
    const prepared = isFirst ? { prepared: await askPrepared(control, server) } : {};
    const findings = findingsOf({ server, tables, wishes, ...prepared }, filter);
    refuse(findings, control.address);
    this.#sawTables = true;
    for (const finding of findings) this.#tell(finding, control.address);
    return { identity: identityOf(server), version: server.version };
  }

  #tell({ name, status, found, why, fix }: Finding, source: string): void {
    if (status === 'ok') return;
    const key = `${source} ${name} ${status} ${measured.has(name) ? '' : found}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    const { logger } = this.#options;
    if (status === 'unknown')
      logger.info({ source, check: name, fix }, `the source was not checked for ${name}: ${why}`);
    else logger.warn({ source, check: name, found, fix }, `the source, ${name}: ${why}`);
  }
}

export const identityOf = ({ flavour, variables }: ServerFacts): SourceIdentity => ({
  flavour,
  uuid: flavour === 'mysql' ? (variables.get('server_uuid') ?? '') : '',
  serverId: Number(variables.get('server_id') ?? 0),
});

function refuse(findings: readonly Finding[], source: string): void {
  const faults = findings.filter(({ status }) => status === 'fault');
  if (faults.length === 0) return;
  const whats = faults.map(({ name, found, wanted }) => faultText(name, found, wanted));
  const remedies = faults.map(remedyOf);
  const lines = whats.map((what, index) => `${what}: ${remedies[index]}`);
  throw new DrcError(
    faults[0]!.code ?? 'SOURCE_CONFIG',
    `The source cannot be captured yet. ${lines.join('; ')}.`,
    { source, faults: whats, remedies },
  );
}

/** `binlog_format is MIXED, not ROW`; what is found may be a sentence by itself. */
const faultText = (name: string, found: string, wanted: string): string =>
  /\s/.test(found) ? `${name}: ${found}` : `${name} is ${found}, not ${wanted}`;

/** The statements where there are any: these help at once. Otherwise the first step. */
function remedyOf({ fix }: Finding): string {
  const statements = fix.filter(isStatement);
  const [first = ''] = fix;
  return statements.length > 0
    ? statements.map((statement) => statement.slice(0, -1)).join('; ')
    : first.replaceAll('\n', ' ').replace(/\.$/, '');
}
