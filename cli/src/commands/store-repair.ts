import { isDrcError } from '@drc/protocol';
import { parseStoreConfig, type Repair, repairStore, type SourceAnswer } from '@drc/store';
import { withAdvice } from '../advice.js';
import { readConfig } from '../config-file.js';
import { ExitCode } from '../exit-code.js';
import { sourcePasswordOf } from '../source-password.js';

export interface StoreRepairFlags {
  readonly config: string;
  readonly data?: string;
  readonly before?: number;
  readonly apply?: true;
  readonly output: 'text' | 'json';
}

/** Shows where a log is damaged and, with `--apply`, cuts it off at its last good transaction. */
export async function storeRepair(flags: StoreRepairFlags, signal: AbortSignal): Promise<void> {
  const { before, apply = false } = flags;
  const config = await readConfig(flags.config, parseStoreConfig, {
    directory: flags.data ?? process.env['DRC_STORE_DATA'],
  });
  const request = { apply, ...(before === undefined ? {} : { before }) };
  const repair = await repairStore(config, request, {
    sourcePassword: () => sourcePasswordOf(config),
    now: () => new Date(),
    signal,
  }).catch((error: unknown) => {
    throw explained(error, config.directory);
  });
  const print = flags.output === 'json' ? repairJson : repairText;
  process.stdout.write(`${print(repair, config.topic, flags)}\n`);
  if (!repair.isWhole && repair.keptIn === undefined) process.exitCode = ExitCode.logDamaged;
}

function explained(error: unknown, directory: string): unknown {
  if (isDrcError(error, 'LOG_LOCKED'))
    return withAdvice(error, `The store of ${directory} runs. Stop it, repair its log, start it again.`);
  if (isDrcError(error, 'LOG_CORRUPT') || isDrcError(error, 'LOG_MISSING'))
    return withAdvice(
      error,
      'Nothing of this log can be kept. Restore the folder, or move it away and start the store: it begins anew.',
    );
  return error;
}

/** What is wrong, what the cut costs, and what to do next. */
export function repairText(repair: Repair, topic: string, flags: StoreRepairFlags): string {
  const { proof, isWhole, keptIn, markFault, source } = repair;
  const { damage, faults, end, oldest, newestLsn } = proof;
  if (isWhole) {
    const extent = oldest === undefined ? 'no transactions' : `transactions ${oldest.lsn} to ${newestLsn}`;
    return `The log of ${topic} is whole: ${extent}.`;
  }
  const lines: (readonly [string, string])[] = [
    ...(damage === undefined ? [] : ([['damaged', `transaction ${damage.lsn}: ${damage.found}`]] as const)),
    ...[...faults, ...(markFault === undefined ? [] : [markFault])].map(
      (fault) => ['damaged', fault] as const,
    ),
  ];
  if (end === undefined)
    return textOf(`The log of ${topic} is damaged:`, lines, [
      'Nothing of it can be kept. Restore the folder, or move it away and start the store: it begins anew.',
    ]);
  const lost = newestLsn - end.lsn;
  const { position } = end;
  lines.push(
    ['kept', end.lsn === 0 ? 'none' : `up to transaction ${end.lsn}, of ${timeOf(end.time)}`],
    ['cut off', lost === 0 ? 'none' : `${lost} transaction${lost === 1 ? '' : 's'}, ${timesOf(repair)}`],
    ...(position === undefined ? [] : ([['goes on', `${position.file}:${position.offset}`]] as const)),
    ...(source === undefined ? [] : ([['source', answerText(source)]] as const)),
  );
  return keptIn === undefined
    ? textOf(`The log of ${topic} is damaged:`, lines, [
        'Nothing was changed. To cut it off there:',
        `  drc store repair --config ${flags.config}${flags.before === undefined ? '' : ` --before ${flags.before}`} --apply`,
      ])
    : textOf(`The log of ${topic} was damaged and is repaired:`, lines, [
        'Start the store: it captures from there. Readers go on by themselves.',
        `The database as it was is in ${keptIn}; remove it when all is well.`,
      ]);
}

const textOf = (
  title: string,
  lines: readonly (readonly [string, string])[],
  next: readonly string[],
): string => [title, ...lines.map(([name, value]) => `  ${name.padEnd(7)}  ${value}`), ...next].join('\n');

const timeOf = (time: number): string => (time === 0 ? 'unknown time' : new Date(time).toISOString());

const timesOf = ({ proof: { end, newestTime } }: Repair): string =>
  newestTime > (end?.time ?? 0)
    ? `from ${timeOf(end?.time ?? 0)} to ${timeOf(newestTime)}`
    : 'of unknown time';

function answerText(source: SourceAnswer): string {
  switch (source.kind) {
    case 'there':
      return `has the binlogs from there on, ${source.bytes} bytes`;
    case 'gone':
      return `no longer has that binlog (its oldest is ${source.oldestFile ?? 'none'}): capture cannot go on there`;
    case 'unknown':
      return `was not asked: ${source.why}`;
  }
}

/** One document; `format` changes when anything but an addition does. */
export function repairJson({ proof, isWhole, keptIn, markFault, source }: Repair, topic: string): string {
  const { damage, faults, end, oldest, newestLsn, newestTime } = proof;
  return JSON.stringify({
    format: 1,
    topic,
    result: isWhole ? 'whole' : keptIn === undefined ? 'damaged' : 'repaired',
    damage: damage ?? null,
    faults: [...faults, ...(markFault === undefined ? [] : [markFault])],
    oldest: oldest ?? null,
    newest: { lsn: newestLsn, time: newestTime },
    kept: end === undefined ? null : { lsn: end.lsn, time: end.time, position: end.position ?? null },
    cutOff: end === undefined ? null : newestLsn - end.lsn,
    source: source ?? null,
    keptIn: keptIn ?? null,
  });
}
