import { DrcError } from '@drc/protocol';
import { type StoreConfig, examineSource, parseStoreConfig } from '@drc/store';
import { join } from 'node:path';
import { readConfig } from '../config-file.js';
import { diagnosisJson, diagnosisText } from '../diagnosis-text.js';
import { ExitCode } from '../exit-code.js';
import { makeLogger } from '../logger.js';
import { readSecret } from '../secret.js';
import { type SourceUrl, parseSourceUrl } from '../source-url.js';

export interface DoctorFlags {
  readonly source?: string;
  readonly config?: string;
  readonly topic?: string;
  readonly tables?: readonly string[];
  readonly retention?: string;
  readonly data: string;
  readonly output: 'table' | 'json';
}

/**
 * Checks a source as a store does at its start, and prints what to change. Faults are its result, not its failure:
 * they have an exit code of their own.
 */
export async function doctor(flags: DoctorFlags): Promise<void> {
  const url = flags.source === undefined ? undefined : parseSourceUrl(flags.source, 'drc doctor');
  const config = await doctorConfig(flags, url);
  const { source } = config;
  const sourcePassword =
    process.env['DRC_SOURCE_PASSWORD'] ??
    url?.passwordInUrl ??
    source.password ??
    (await readSecret({
      variable: 'DRC_SOURCE_PASSWORD',
      file: source.passwordFile,
      prompt: `Password for ${source.user}@${source.host}: `,
      ...(flags.config === undefined ? {} : { orElse: 'source.passwordFile' }),
    }));
  // What goes wrong is a finding, and not also a log line.
  const logger = await makeLogger('doctor', process.env['DRC_LOG_LEVEL'] ?? 'silent');
  const diagnoses = await examineSource(config, { logger, sourcePassword });
  process.stdout.write(
    flags.output === 'json'
      ? diagnosisJson(source.user, diagnoses, new Date())
      : diagnosisText(source.user, diagnoses),
  );
  if (diagnoses.some(({ result }) => result === 'fault')) process.exitCode = ExitCode.sourceFault;
}

/** A store's configuration: from its file, or one as `drc dev` has. */
async function doctorConfig(flags: DoctorFlags, url: SourceUrl | undefined): Promise<StoreConfig> {
  const { config, topic, tables, retention } = flags;
  if (config !== undefined) {
    return await readConfig(config, parseStoreConfig, {
      ...(url === undefined ? {} : { source: { url: url.url } }),
      topic,
      'capture.include': tables,
      'log.retention': retention,
    });
  }
  if (url === undefined) {
    throw new DrcError(
      'CONFIG_INVALID',
      'Name the source: --source mysql://user@host:3306, or --config with the file of a store.',
    );
  }
  const name = topic ?? (url.path || 'main');
  return parseStoreConfig({
    topic: name,
    directory: join(flags.data, 'topics', name),
    source: { url: url.url },
    capture: { include: tables ?? [] },
    ...(retention === undefined ? {} : { log: { retention } }),
    // Needed in a store's file; nothing is announced from here.
    clusterManagers: ['http://127.0.0.1'],
  });
}
