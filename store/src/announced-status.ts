import { CpuShare } from './cpu-share.js';
import type { Drain } from './drain.js';
import type { TransactionLog } from './log/transaction-log.js';
import type { StoreStatus } from './serve/announcer.js';
import type { StreamServer } from './serve/server.js';
import type { Capture } from './source/capture.js';
import { Standstill } from './standstill.js';

interface AnnouncedParts {
  readonly log: TransactionLog;
  readonly capture: Capture;
  readonly server: StreamServer;
  readonly drain: Drain;
  readonly maxSessions: number;
}

/** What a store tells the managers of itself, each time anew; undefined until its log has begun. */
export function announcedStatus({
  log,
  capture,
  server,
  drain,
  maxSessions,
}: AnnouncedParts): () => StoreStatus | undefined {
  const cpu = new CpuShare();
  const standstill = new Standstill(() => capture.state.kind);
  return () => {
    if (log.capture.identity === undefined) return undefined;
    drain.standstill(standstill.look());
    return {
      extent: log.extent(),
      captureState: capture.state.kind,
      ...(drain.isDraining ? { draining: true } : {}),
      load: { sessions: server.sessions.length, maxSessions, cpu: cpu.take() },
    };
  };
}
