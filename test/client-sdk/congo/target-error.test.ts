import { describe, expect, it } from 'vitest';
import { connectionError } from '../../../client-sdk/src/congo/target-error.js';

const failure = (message: string, more: object): Error => Object.assign(new Error(message), more);
const open = { user: 'congo', encrypted: false };
const encrypted = { user: 'congo', encrypted: true };

describe('A connection to the target that fails', () => {
  it.each([
    ['self-signed certificate in certificate chain', 'SELF_SIGNED_CERT_IN_CHAIN'],
    ['self-signed certificate', 'HANDSHAKE_SSL_ERROR'],
    ["Hostname/IP does not match certificate's altnames", 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['certificate has expired', 'CERT_HAS_EXPIRED'],
  ])('for its certificate names target.tls, and is tried again: %s', (message, code) => {
    const error = connectionError(failure(message, { code, fatal: true }), encrypted);
    expect(error).toMatchObject({ code: 'TARGET_UNREACHABLE', retryable: true });
    expect(error.message).toContain('Check target.tls: ca is to be the authority');
  });

  it('for a server without TLS says so', () => {
    const cause = failure('Server does not support secure connection', { code: 'HANDSHAKE_NO_SSL_SUPPORT' });
    expect(connectionError(cause, encrypted).message).toContain('or set target.tls: false');
  });

  it('for the network says nothing of TLS', () => {
    for (const attempt of [open, encrypted]) {
      const cause = failure('connect ECONNREFUSED 127.0.0.1:3306', { code: 'ECONNREFUSED', errno: -111 });
      const error = connectionError(cause, attempt);
      expect(error.code).toBe('TARGET_UNREACHABLE');
      expect(error.message).not.toContain('tls');
    }
  });

  it('for the user ends the task, and says which settings may be wrong', () => {
    const denied = failure('Access denied for user', { errno: 1045, code: 'ER_ACCESS_DENIED_ERROR' });
    expect(connectionError(denied, open)).toMatchObject({ code: 'TARGET_AUTH', retryable: false });
    expect(connectionError(denied, open).message).toContain('REQUIRE SSL');
    expect(connectionError(denied, encrypted).message).toContain('target.tls.cert and target.tls.key');
    const insecure = failure('Connections using insecure transport are prohibited', { errno: 3159 });
    expect(connectionError(insecure, open).code).toBe('TARGET_AUTH');
    expect(connectionError(insecure, open).message).toContain('Set target.tls');
  });
});
