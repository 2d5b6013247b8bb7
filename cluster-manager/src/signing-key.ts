import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { DrcError } from '@drc/protocol';
import { writeDurably } from './registry/durable-file.js';
import { signingKeySchema, type SigningKeyRecord } from './registry/records.js';

/** The ES256 key that a manager signs with. Its private half never leaves the folder. */
export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: SigningKeyRecord;
}

export function makeSigningKey(): SigningKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return withPublicKey(privateKey);
}

/** PKCS #8 PEM, mode 0600. */
export async function writeSigningKey(path: string, key: SigningKey): Promise<void> {
  await writeDurably(path, key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
}

/** `DATA_FOLDER` where it is missing (where it is `optional`: undefined), no such key, or where others may read it. */
export async function readSigningKey(path: string): Promise<SigningKey>;
export async function readSigningKey(path: string, need: 'optional'): Promise<SigningKey | undefined>;
export async function readSigningKey(
  path: string,
  need: 'needed' | 'optional' = 'needed',
): Promise<SigningKey | undefined> {
  let pem: string;
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) {
      throw new DrcError(
        'DATA_FOLDER',
        `Other users can read the signing key: chmod 600 ${path}. If they may have read it: drc cluster rotate-keys.`,
        { path },
      );
    }
    pem = await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof DrcError) throw cause;
    if (need === 'optional' && (cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new DrcError('DATA_FOLDER', `The signing key ${path} cannot be read.`, { path }, { cause });
  }
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(pem);
  } catch {
    // The cause is left out: it could quote the key.
    throw new DrcError('DATA_FOLDER', `${path} is not a private key. Restore it.`, { path });
  }
  if (privateKey.asymmetricKeyType !== 'ec' || privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new DrcError('DATA_FOLDER', `${path} is not a key on the curve P-256. Restore it.`, { path });
  }
  return withPublicKey(privateKey);
}

/** For checking signatures. */
export const publicKeyObject = ({ kty, crv, x, y }: SigningKeyRecord): KeyObject =>
  createPublicKey({ format: 'jwk', key: { kty, crv, x, y } });

function withPublicKey(privateKey: KeyObject): SigningKey {
  const { kty, crv, x, y } = createPublicKey(privateKey).export({ format: 'jwk' });
  // The JWK thumbprint of RFC 7638: these members, in this order.
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
  const publicKey = signingKeySchema.parse({ kid, kty, crv, x, y, alg: 'ES256', use: 'sig' });
  return { kid, privateKey, publicKey };
}
