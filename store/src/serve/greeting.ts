import { DrcError, protocolVersions, type Hello, type LogExtent, type Welcome } from '@drc/protocol';

export interface Greeter {
  readonly topic: string;
  readonly storeId: string;
  readonly log: { extent(): LogExtent };
  /** Absent: tables are not described. */
  readonly topicTables?: unknown;
  /** Absent: no tables are copied. */
  readonly snapshots?: unknown;
}

/** The answer to a client's greeting. @throws DrcError `PROTOCOL_VERSION`, `WRONG_STORE`, `PROTOCOL_VIOLATION`. */
export function welcomeTo(
  { versions, topic, client }: Hello,
  { topic: ours, storeId, log, topicTables, snapshots }: Greeter,
): Welcome {
  const version = protocolVersions.find((known) => versions.includes(known));
  if (version === undefined) {
    throw new DrcError('PROTOCOL_VERSION', `This store speaks protocol ${protocolVersions.join(', ')}.`, {
      versions: protocolVersions.map(String),
    });
  }
  if (topic !== ours) throw new DrcError('WRONG_STORE', `This store does not serve ${topic}.`);
  if (client.length > 100) throw new DrcError('PROTOCOL_VIOLATION', 'The name of the client is too long.');
  const describes = topicTables !== undefined;
  return {
    type: 'welcome',
    version,
    store: storeId,
    topic,
    log: log.extent(),
    ...(describes && { describes }),
    origins: true,
    ...(snapshots !== undefined && { snapshots: true }),
  };
}
