import { describe, expect, it } from 'vitest';
import { failureOf, type SdkError } from '../../src/aws/failure.ts';

const error = (properties: Partial<SdkError>) => Object.assign(new Error('x'), properties);
const connecting = (code: string) => error({ code, syscall: 'connect', message: `connect ${code} 192.0.2.1:443` });
const failure = (one: SdkError) => failureOf(one, { handedOver: true }, '123456');

describe('a code in a request that failed in the network', () => {
  it.each([
    ...['ECONNRESET', 'ETIMEDOUT', 'EPERM', 'EACCES', 'EADDRNOTAVAIL', 'EHOSTDOWN', 'ECONNREFUSED'].map(connecting),
    error({ code: 'EAI_FAIL', syscall: 'getaddrinfo' }),
    error({ code: 'ETIMEDOUT', errors: [connecting('ETIMEDOUT'), connecting('ENETUNREACH')] }),
    error({
      code: 'ECONNRESET',
      message: 'Client network socket disconnected before secure TLS connection was established',
    }),
    error({ code: 'EPROTO', syscall: 'write', message: 'write EPROTO 80:error:0A:SSL routines::wrong version number' }),
    error({ code: 'SELF_SIGNED_CERT_IN_CHAIN' }),
  ])('a code was not sent if the connection failed: %o', (one) => {
    expect(failure(one)).toMatchObject({ kind: 'unreachable', sent: false });
  });

  it.each([
    error({ code: 'ECONNRESET', syscall: 'read' }),
    error({ code: 'ECONNRESET', message: 'socket hang up' }),
    error({ code: 'ETIMEDOUT', syscall: 'read' }),
    error({ code: 'EPIPE', syscall: 'write' }),
    error({ code: 'EPROTO', syscall: 'write', message: 'write EPROTO 80:error:0A:SSL routines::bad record mac' }),
    error({ code: 'ETIMEDOUT', errors: [connecting('ETIMEDOUT'), error({ code: 'ETIMEDOUT', syscall: 'read' })] }),
    error({ errors: [] }),
    ...['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_BAD_RECORD_TYPE', 'ERR_TLS_RENEGOTIATION_DISABLED'].map((code) =>
      error({ code }),
    ),
    ...['EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN'].map((code) => error({ code, syscall: 'read' })),
  ])('a code may have been sent if a connection was made: %o', (one) => {
    expect(failure(one)).toMatchObject({ kind: 'unreachable', sent: true });
  });

  it('a name that does not resolve and a certificate that is not trusted are marked', () => {
    expect(failure(error({ code: 'EAI_FAIL' }))).toMatchObject({ unresolved: true });
    for (const code of ['CERT_NOT_YET_VALID', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'ERR_TLS_CERT_ALTNAME_INVALID']) {
      expect(failure(error({ code }))).toMatchObject({ untrusted: true, sent: false });
    }
    for (const key of ['unresolved', 'untrusted']) expect(failure(connecting('ETIMEDOUT'))).not.toHaveProperty(key);
  });
});
