import { DrcError, type ErrorCode } from '../errors.js';

/** What OpenSSL and Node call it, by what it means for whoever has to mend it. */
const faults: Readonly<Record<string, ErrorCode>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: 'TLS_WRONG_NAME',
  HOSTNAME_MISMATCH: 'TLS_WRONG_NAME',
  CERT_HAS_EXPIRED: 'TLS_EXPIRED',
  CERT_NOT_YET_VALID: 'TLS_EXPIRED',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'TLS_UNTRUSTED',
  SELF_SIGNED_CERT_IN_CHAIN: 'TLS_UNTRUSTED',
  UNABLE_TO_GET_ISSUER_CERT: 'TLS_UNTRUSTED',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'TLS_UNTRUSTED',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'TLS_UNTRUSTED',
  CERT_SIGNATURE_FAILURE: 'TLS_UNTRUSTED',
  CERT_CHAIN_TOO_LONG: 'TLS_UNTRUSTED',
  CERT_REVOKED: 'TLS_UNTRUSTED',
  CERT_UNTRUSTED: 'TLS_UNTRUSTED',
  CERT_REJECTED: 'TLS_UNTRUSTED',
  INVALID_CA: 'TLS_UNTRUSTED',
  INVALID_PURPOSE: 'TLS_UNTRUSTED',
  PATH_LENGTH_EXCEEDED: 'TLS_UNTRUSTED',
  // What the peer thinks of ours comes as an alert (RFC 8446, section 6.2).
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'TLS_CLIENT_CERTIFICATE',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'TLS_CLIENT_CERTIFICATE',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'TLS_CLIENT_CERTIFICATE',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'TLS_CLIENT_CERTIFICATE',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: 'TLS_CLIENT_CERTIFICATE',
  ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: 'TLS_CLIENT_CERTIFICATE',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'TLS_CLIENT_CERTIFICATE',
};

/** The same alerts where they come while a request is being written. */
const aboutOurs =
  /:(?:tlsv1|tlsv13|sslv3) alert (?:certificate|bad certificate|unsupported certificate|unknown ca)/;

const texts: Partial<Record<ErrorCode, string>> = {
  TLS_UNTRUSTED: 'shows a certificate of no authority that is believed',
  TLS_WRONG_NAME: 'shows a certificate that is for other names',
  TLS_EXPIRED: 'shows a certificate that has expired or is not valid yet',
  TLS_CLIENT_CERTIFICATE: 'does not take the client certificate, or asks for one',
};

/**
 * The error of a connection as a fault of certificates; undefined where it is none of those.
 * @param address of the peer, for the message
 */
export function tlsFault(error: unknown, address: string): DrcError | undefined {
  const meaning = meaningOf(error);
  if (meaning === undefined) return undefined;
  const { message, reason } = error as Error & { reason?: unknown };
  // OpenSSL's own messages name lines of its source.
  const why = message.includes(':error:') && typeof reason === 'string' ? reason : message;
  return new DrcError(meaning, `${address} ${texts[meaning]}: ${why}.`, { address }, { cause: error });
}

function meaningOf(error: unknown): ErrorCode | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { code?: unknown };
  if (code === 'EPROTO' && aboutOurs.test(error.message)) return 'TLS_CLIENT_CERTIFICATE';
  return typeof code === 'string' && Object.hasOwn(faults, code) ? faults[code] : undefined;
}

/** Why a connection failed, in words; OpenSSL's for a peer that speaks no TLS are of no use to anybody. */
export function connectionFault(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (/:wrong version number:|:packet length too long:/.test(error.message))
    return 'the port does not speak TLS';
  // An attempt on several addresses of one name says why in its parts only.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  return error.message === '' && first instanceof Error ? first.message : error.message;
}
