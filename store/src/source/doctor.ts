import { randomInt } from 'node:crypto';
import { DrcError } from '@drc/protocol';
import type { Clock } from '../clock.js';
import { answerTo, askPrepared, askReplicas, askServer, askTables } from './checks/ask-source.js';
import { findingsOf, worst } from './checks/check-list.js';
import {
  isOn,
  type Answer,
  type BinlogReach,
  type ServerFacts,
  type ServerIdentity,
  type SourceFacts,
} from './checks/facts.js';
import type { Finding, FindingStatus } from './checks/finding.js';
import { reachable, unreachable } from './checks/reachable.js';
import { topology } from './checks/topology.js';
import { binlogFiles, readFileStart } from './first-position.js';
import { identityOf } from './preflight.js';
import { SourceControl } from './source-control.js';
import { addressOf, type SourceOptions } from './source-options.js';
import type { TableFilter } from './table-filter.js';

export interface DiagnoseOptions {
  readonly source: SourceOptions;
  readonly filter: TableFilter;
  /** How far back a store keeps changes, ms. */
  readonly retentionMs: number;
  readonly clock: Clock;
  /** The id under which a store is a replica of the source; absent where no store is known. */
  readonly storeServerId?: Answer<number> | undefined;
}

/** What `drc doctor` shows. */
export interface Diagnosis {
  /** Absent where the source could not be reached. */
  readonly server?: ServerIdentity & { readonly version: string };
  /** The gravest status of all findings. */
  readonly result: FindingStatus;
  readonly findings: readonly Finding[];
}

/** Of one of the hosts of a source. */
export interface HostDiagnosis extends Diagnosis {
  /** `db1:3306` */
  readonly address: string;
}

/** How long reading the beginning of the oldest binlog file may take. */
const fileStartMs = 20_000;

/** Each host of a source, one after the other, and whether they can be of one topology. */
export async function diagnoseHosts(options: DiagnoseOptions): Promise<readonly HostDiagnosis[]> {
  const { source } = options;
  const diagnoses: HostDiagnosis[] = [];
  for (const { host, port } of [source, ...(source.others ?? [])]) {
    const { port: _, ...rest } = source;
    const one = { ...rest, host, ...(port === undefined ? {} : { port }) };
    diagnoses.push({ address: addressOf(one), ...(await diagnose({ ...options, source: one })) });
  }
  if (diagnoses.length === 1) return diagnoses;
  return diagnoses.map((own) => {
    if (own.server === undefined) return own;
    const others = diagnoses.flatMap(({ address, server }) =>
      server === undefined || address === own.address ? [] : [{ address, ...server }],
    );
    const findings = [...own.findings, topology(own.server, others)];
    return { ...own, result: worst(findings), findings };
  });
}

/** Looks at one server from all sides. A source that cannot be reached is a finding as well. */
export async function diagnose(options: DiagnoseOptions): Promise<Diagnosis> {
  const { source, filter } = options;
  const address = addressOf(source);
  try {
    await using control = await SourceControl.connect(source);
    const facts = await ask(control, options);
    const { flavour, uuid, serverId } = identityOf(facts.server);
    return diagnosis([reachable(address), ...findingsOf(facts, filter)], {
      flavour,
      version: facts.server.version,
      serverId,
      uuid,
    });
  } catch (error) {
    if (!(error instanceof DrcError)) throw error;
    return diagnosis([unreachable(address, source.user, error)]);
  }
}

const diagnosis = (findings: readonly Finding[], server?: Diagnosis['server']): Diagnosis => ({
  ...(server === undefined ? {} : { server }),
  result: worst(findings),
  findings,
});

async function ask(control: SourceControl, options: DiagnoseOptions): Promise<SourceFacts> {
  const { filter, retentionMs, storeServerId, clock } = options;
  const server = await askServer(control, () => clock.now());
  const tables = await askTables(control, server, filter, 'all');
  const replicaIds =
    storeServerId === undefined
      ? undefined
      : { store: storeServerId, others: await askReplicas(control, server) };
  // A store that has begun knows what was prepared since.
  const prepared = storeServerId === undefined ? await askPrepared(control, server) : undefined;
  // Asked last: it makes a second connection.
  const reach = isOn(server, 'log_bin') ? await askReach(control, server, options) : undefined;
  return {
    server,
    tables,
    wishes: { retentionMs, include: filter.include, severalHosts: options.source.others !== undefined },
    ...(reach === undefined ? {} : { reach }),
    ...(replicaIds === undefined ? {} : { replicaIds }),
    ...(prepared === undefined ? {} : { prepared }),
  };
}

/** Nothing but the file itself says when it was begun. */
async function askReach(
  control: SourceControl,
  server: ServerFacts,
  { source, clock }: DiagnoseOptions,
): Promise<Answer<BinlogReach> | undefined> {
  const files = await answerTo(binlogFiles(control));
  if ('refusal' in files) return files;
  const oldest = files.value[0];
  if (oldest === undefined) return undefined;
  const reader = {
    source,
    clock,
    // Like a store's: random, out of the way of real servers' ids.
    serverId: randomInt(2 ** 31, 2 ** 32 - 1),
    signal: AbortSignal.timeout(fileStartMs),
  };
  try {
    const begun = await readFileStart(reader, oldest.file);
    return {
      value: {
        files: files.value.length,
        bytes: files.value.reduce((sum, { size }) => sum + size, 0),
        ageMs: Math.max(0, clock.now() + server.clock.differenceMs - begun),
        complete: Number(/\d+$/.exec(oldest.file)?.[0]) === 1,
      },
    };
  } catch (error) {
    // Whatever becomes of that other connection, this one has answered.
    return {
      refusal:
        error instanceof DrcError
          ? error
          : new DrcError('SOURCE_LOST', `${oldest.file} could not be read in time.`),
    };
  }
}
