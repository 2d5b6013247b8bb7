import { DrcError } from '@drc/protocol';

/** Losses and refusals that pass: the transaction is tried again as a whole, for as long as it takes. */
const passing = new Set([
  1020, // record has changed since last read (snapshot isolation)
  1021, // disk full
  1040, // too many connections
  1041, // out of resources
  1047, // the cluster node is not ready
  1053, // server shutdown in progress
  1114, // table is full
  1180, // error during COMMIT; what became of it, the record tells
  1203, // too many connections of this user
  1205, // lock wait timeout
  1213, // deadlock
  1226, // a limit of this user
  1290, // read-only
  1317, // query interrupted
  1615, // prepared statement needs to be prepared again
  1792, // read-only transaction
  1836, // read-only mode
  1927, // connection was killed
  1969, // max_statement_time
  2006, // server has gone away
  2013, // lost connection
  3101, // rolled back by the group
  3169, // session was killed
  4031, // disconnected while idle
]);

/** No such schema, column or table; no privilege. */
const configuration = new Set([1044, 1049, 1054, 1142, 1143, 1146, 1227]);

/** The user, the password, or the kind of connection is refused. */
const login = new Set([
  1045, // access denied
  1251, // the client does not know the authentication that the server wants
  1698, // access denied, without a password
  1862, // the password has expired
  3118, // account locked (MySQL)
  3159, // unencrypted connections are prohibited
  4151, // account locked (MariaDB)
]);

const duplicate = 1062;
const packetTooLarge = 1153;

/** Sorts an error of mysql2 by number, never by its text. */
export function targetError(cause: unknown, what: string): DrcError {
  if (cause instanceof DrcError) return cause;
  if (cause instanceof TypeError) return new DrcError('INTERNAL', `${what}: ${cause.message}`, {}, { cause });
  const { errno, code, message, fatal } = cause as {
    errno?: number;
    code?: string;
    message?: string;
    fatal?: boolean;
  };
  const details = { ...(errno === undefined ? {} : { errno }), ...(code ? { reason: code } : {}) };
  const error = (of: ConstructorParameters<typeof DrcError>[0]): DrcError =>
    new DrcError(of, `${what}: ${message ?? String(cause)}`, details, { cause });
  // Numbers below 1000 are the operating system's: a reset connection, a full disk.
  if (errno === undefined || errno < 1000 || passing.has(errno)) return error('TARGET_UNREACHABLE');
  if (login.has(errno)) return error('TARGET_AUTH');
  if (errno === duplicate) return error('ROW_DUPLICATE');
  if (errno === packetTooLarge || configuration.has(errno)) return error('TARGET_CONFIG');
  return error(fatal === true ? 'TARGET_UNREACHABLE' : 'TARGET_REFUSED');
}

/** What is known of the connection that failed. */
export interface Attempt {
  readonly user: string;
  readonly encrypted: boolean;
}

/** Codes of TLS itself: the certificate, its name, its authority. */
const ofTls =
  /^(ERR_(TLS|SSL|OSSL)_|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|HANDSHAKE_SSL)/;

/** Like `targetError`, of an attempt to connect: says which settings to look at. */
export function connectionError(cause: unknown, { user, encrypted }: Attempt): DrcError {
  const error = targetError(cause, 'Connecting to the target failed');
  const hint = hintFor(error, { user, encrypted });
  if (hint === undefined) return error;
  const message = `${error.message.replace(/\.?$/, '.')} ${hint}`;
  return new DrcError(error.code, message, error.details, { cause });
}

function hintFor({ code, details }: DrcError, { user, encrypted }: Attempt): string | undefined {
  const named = `The target refused the user '${user}': check target.user and its password (target.passwordFile or CONGO_TARGET_PASSWORD)`;
  if (code === 'TARGET_AUTH') {
    if (details['errno'] === 3159) return 'Set target.tls: the server takes encrypted connections only.';
    return encrypted
      ? `${named}; a user with REQUIRE X509 needs target.tls.cert and target.tls.key.`
      : `${named}; a user with REQUIRE SSL is refused like this where target.tls is not set.`;
  }
  const reason = details['reason'];
  if (reason === 'HANDSHAKE_NO_SSL_SUPPORT')
    return 'Its server takes no encrypted connections: give it a certificate, or set target.tls: false.';
  if (!encrypted || typeof reason !== 'string' || !ofTls.test(reason)) return undefined;
  return 'Check target.tls: ca is to be the authority of the certificate that the server shows, and target.host a name in that certificate.';
}
