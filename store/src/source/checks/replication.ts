import { isOn, isSince, type ReplicationChannel, type ServerFacts, type SourceFacts } from './facts.js';
import {
  counted,
  fault,
  grant,
  listed,
  notAsked,
  ok,
  refusalText,
  setAtStart,
  unknown,
  warning,
  type Finding,
} from './finding.js';
import { binlogPrivilege } from './rights.js';

/** What lets a user look at the replica's state; undefined where the server has no such privilege of its own. */
const statusPrivilege = (server: ServerFacts): string => {
  if (server.flavour === 'mysql') return 'REPLICATION CLIENT';
  return isSince(server, 10, 5, 9) ? 'SLAVE MONITOR' : 'REPLICATION SLAVE ADMIN';
};

/** A node of a cluster that applies what other nodes write, without being a replica. */
const isClusterNode = (server: ServerFacts): boolean => isOn(server, 'wsrep_on');

/** Undefined: not known. */
function isReplica(server: ServerFacts): boolean | undefined {
  if (isClusterNode(server)) return true;
  if ('value' in server.channels && server.channels.value.length > 0) return true;
  // MariaDB: what it has replicated, also when its connection was removed since.
  if ((server.variables.get('gtid_slave_pos') ?? '') !== '') return true;
  return 'value' in server.channels ? false : undefined;
}

export function role({ server }: SourceFacts): Finding {
  const name = 'role';
  if ('refusal' in server.channels) {
    return notAsked(name, 'Whether the server is a replica, and how it does,', {
      found: isReplica(server) ? 'a replica' : 'unknown',
      wanted: '',
      refusal: server.channels.refusal,
      fix: [grant(statusPrivilege(server), server)],
    });
  }
  const channels = server.channels.value;
  if (channels.length === 0) return ok(name, isClusterNode(server) ? 'a cluster’s node' : 'primary');
  const found = `replica of ${channels.map(channelText).join('; ')}`;
  const stopped = channels.filter(({ running }) => !running);
  if (stopped.length === 0) return ok(name, found);
  return warning(name, {
    found,
    wanted: 'a replica that runs',
    why: 'What the replica does not apply does not arrive, and nothing else says so: readers see a quiet source.',
    fix: [server.flavour === 'mariadb' ? 'START ALL SLAVES;' : 'START REPLICA;'],
  });
}

const channelText = ({ from, running, lagSeconds }: ReplicationChannel): string =>
  running ? `${from}${lagSeconds === undefined ? '' : ` (${lagSeconds} s behind)`}` : `${from} (stopped)`;

/** A replica without it writes nothing of what it applies. */
export function logReplicaUpdates({ server }: SourceFacts): Finding | undefined {
  if (!isOn(server, 'log_bin')) return undefined;
  const name = server.variables.has('log_replica_updates') ? 'log_replica_updates' : 'log_slave_updates';
  const found = server.variables.get(name) ?? 'OFF';
  if (isOn(server, name)) return ok(name, found);
  const defect = {
    found: `${found}, on a replica`,
    wanted: 'ON on a replica',
    why: 'The replica does not write to its binlog what it applies: nothing of that arrives.',
    fix: setAtStart(`${name} = ON`),
  };
  switch (isReplica(server)) {
    case true:
      return fault(name, 'SOURCE_CONFIG', defect);
    case false:
      return ok(name, found, '', 'It matters on a replica only; this server is none.');
    case undefined:
      return unknown(name, {
        ...defect,
        found,
        why: 'It must be ON if this is a replica, and that could not be asked.',
        fix: [grant(statusPrivilege(server), server)],
      });
  }
}

export function replicationFilters({ server }: SourceFacts): Finding | undefined {
  if (!('value' in server.channels) || server.channels.value.length === 0) return undefined;
  const name = 'replication_filters';
  const filters = server.channels.value.flatMap((channel) => channel.filters);
  if (filters.length === 0) return ok(name, 'none', 'none');
  return warning(name, {
    found: filters.join('; '),
    wanted: 'none',
    why: 'The replica leaves out a part of what its primary writes; that part does not arrive.',
    fix: [
      'Take the filters off (CHANGE REPLICATION FILTER, or replicate_* in the option file), or capture from the primary.',
    ],
  });
}

export function binlogFilters({ server }: SourceFacts): Finding | undefined {
  const name = 'binlog_filters';
  if (!isOn(server, 'log_bin')) return undefined;
  const { binlogFilters: filters } = server;
  if ('refusal' in filters) {
    return notAsked(name, 'Whether the server keeps schemas out of its binlog', {
      wanted: 'none',
      refusal: filters.refusal,
      fix: [grant(binlogPrivilege(server), server)],
    });
  }
  if (filters.value.length === 0) return ok(name, 'none', 'none');
  return warning(name, {
    found: filters.value.join('; '),
    wanted: 'none',
    why: 'The server keeps schemas out of its binlog: their changes do not arrive, and nothing else says so.',
    fix: [
      'Take the lines binlog_do_db and binlog_ignore_db out of the option file and restart the server; choose tables by the store’s `capture` instead.',
    ],
  });
}

/** Two connections under one id end each other. */
export function replicaIdClash({ server, replicaIds }: SourceFacts): Finding | undefined {
  if (replicaIds === undefined) return undefined;
  const name = 'store_server_id';
  const wanted = 'used by nobody else';
  const { store, others } = replicaIds;
  if ('refusal' in store)
    return unknown(name, { found: 'unknown', wanted, why: refusalText(store.refusal), fix: [] });
  const found = String(store.value);
  if ('refusal' in others) {
    const privilege = server.flavour === 'mariadb' ? 'REPLICATION MASTER ADMIN' : 'REPLICATION SLAVE';
    return notAsked(name, 'Which other replicas the source has', {
      found,
      wanted,
      refusal: others.refusal,
      fix: [grant(privilege, server)],
    });
  }
  if (!others.value.includes(store.value)) {
    const known =
      others.value.length === 0 ? 'no other replica' : counted(others.value.length, 'other replica');
    return ok(
      name,
      `${found}; ${known}${others.value.length === 0 ? '' : ` (${listed(others.value.map(String))})`}`,
      wanted,
    );
  }
  return fault(name, 'SERVER_ID_IN_USE', {
    found: `${found}, which another replica uses`,
    wanted,
    why: 'Two connections under one id end each other. A data folder that was copied brings its id along.',
    fix: ['Stop the other one, or begin with a new data folder.'],
  });
}
