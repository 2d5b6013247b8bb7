import { isOn, type BinlogReach, type ServerFacts, type SourceFacts } from './facts.js';
import { counted, grant, ok, refusalText, setVariable, unknown, warning, type Finding } from './finding.js';
import { binlogPrivilege } from './rights.js';

const daySeconds = 86_400;

/** For how long the server keeps binlog files; undefined: for ever. */
function keptSeconds(server: ServerFacts): number | undefined {
  if (server.variables.get('binlog_expire_logs_auto_purge')?.toUpperCase() === 'OFF') return undefined;
  const seconds = Number(server.variables.get('binlog_expire_logs_seconds') ?? 0);
  // Either may be set; MySQL 8.0 takes the seconds where both are, MariaDB keeps the two equal.
  const days = Number(server.variables.get('expire_logs_days') ?? 0);
  return seconds || Math.round(days * daySeconds) || undefined;
}

export function binlogRetention({ server, wishes }: SourceFacts): Finding | undefined {
  const name = 'binlog_retention';
  if (!isOn(server, 'log_bin')) return undefined;
  const seconds = keptSeconds(server);
  const wanted = `${duration(wishes.retentionMs)} or more`;
  if (seconds === undefined)
    return ok(name, 'never purged', wanted, 'Nothing purges the files by age: watch the disk.');
  const found = duration(seconds * 1000);
  if (seconds * 1000 >= wishes.retentionMs) return ok(name, found, wanted);
  const right = Math.ceil(wishes.retentionMs / 1000);
  return warning(name, {
    found,
    wanted,
    why: 'A store that is stopped for longer than this cannot go on (BINLOG_PURGED), and a new one does not begin as far back as it keeps changes.',
    fix: server.variables.has('binlog_expire_logs_seconds')
      ? setVariable(server, 'binlog_expire_logs_seconds', right)
      : setVariable(server, 'expire_logs_days', Math.ceil(right / daySeconds)),
  });
}

/** How far back the files really reach: they may have been purged by hand or by size, or the server is new. */
export function binlogReach({ server, reach, wishes }: SourceFacts): Finding | undefined {
  const name = 'binlog_reach';
  if (reach === undefined || !isOn(server, 'log_bin')) return undefined;
  const wanted = `${duration(wishes.retentionMs)} or more`;
  if ('refusal' in reach) {
    const isRight = reach.refusal.code === 'SOURCE_PRIVILEGE';
    return unknown(name, {
      found: 'the files could not be looked at',
      wanted,
      why: refusalText(reach.refusal),
      fix: isRight ? [grant(binlogPrivilege(server), server)] : [],
    });
  }
  const found = foundReach(reach.value);
  if (reach.value.complete) return ok(name, `${found}, from the very first`, wanted);
  if (reach.value.ageMs >= wishes.retentionMs) return ok(name, found, wanted);
  return warning(name, {
    found,
    wanted,
    why: 'A new store begins with the oldest file; readers that ask for an earlier moment get RETENTION_EXPIRED until its log has grown old enough.',
    fix: [
      'Nothing brings purged files back. Check who purges them: binlog_retention, PURGE BINARY LOGS, a backup script.',
    ],
  });
}

const foundReach = ({ files, bytes, ageMs }: BinlogReach): string =>
  `${duration(ageMs)} in ${counted(files, 'file')} (${size(bytes)})`;

/** For people: `3.5 h`. */
export function duration(ms: number): string {
  const units: readonly (readonly [name: string, ms: number])[] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ];
  // A day is still called 24 h: that is how retention is written.
  const [name, unit] = units.find(([, each]) => ms >= (each === 86_400_000 ? 2 * each : each)) ?? ['ms', 1];
  return `${rounded(ms / unit)} ${name}`;
}

function size(bytes: number): string {
  const power = Math.min(4, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${rounded(bytes / 1024 ** power)} ${['bytes', 'KiB', 'MiB', 'GiB', 'TiB'][power]}`;
}

const rounded = (value: number): string => String(Math.round(value * 10) / 10);
