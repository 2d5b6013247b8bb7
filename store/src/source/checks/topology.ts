import type { ServerIdentity } from './facts.js';
import { fault, ok, type Finding } from './finding.js';

/** Another host of the list, as far as it answered. */
export interface OtherHost extends ServerIdentity {
  /** `db1:3306` */
  readonly address: string;
}

/** Whether a host can be of one topology with the others: of one kind, with ids of their own. */
export function topology(host: ServerIdentity, others: readonly OtherHost[]): Finding {
  const name = 'topology';
  const wanted = 'servers of one kind, each with an id of its own';
  const why = 'Capture goes from one host to the next by GTID, as replicas of one another do.';
  const stranger = others.find(({ flavour }) => flavour !== host.flavour);
  if (stranger !== undefined) {
    return fault(name, 'SOURCE_CHANGED', {
      found: `${host.flavour}, while ${stranger.address} is ${stranger.flavour}`,
      wanted,
      why: `${why} GTIDs of MariaDB and MySQL mean nothing to each other.`,
      fix: ['Leave those out of `source.hosts` that are not of the topology.'],
    });
  }
  const same = others.find(({ uuid, serverId }) =>
    host.uuid === '' ? serverId === host.serverId : uuid === host.uuid || serverId === host.serverId,
  );
  if (same === undefined) return ok(name, `server id ${host.serverId}`, wanted);
  const isOne = host.uuid !== '' && same.uuid === host.uuid;
  return fault(name, 'SERVER_ID_IN_USE', {
    found: isOne ? `the server_uuid of ${same.address}` : `server id ${host.serverId}, as ${same.address}`,
    wanted,
    why: isOne
      ? `${why} It is one server under two names, or its data folder was copied with its auto.cnf.`
      : `${why} It is one server under two names, or two that cannot replicate from each other.`,
    fix: [
      isOne
        ? 'Name each server once. On a copy: remove auto.cnf from its data folder, and restart it.'
        : 'Name each server once; give each a server_id of its own.',
    ],
  });
}
