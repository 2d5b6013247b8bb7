import { writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { generate } from 'selfsigned';
import type { TemporaryFolder } from './temporary-folder.js';

/** Files of a self-signed certificate, which is its own authority. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** Makes a certificate for this name in the folder. */
export async function makeCertificate(folder: TemporaryFolder, name: string): Promise<CertificateFiles> {
  const made = await generate([{ name: 'commonName', value: name }], {
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: name }] },
    ],
  });
  const files = { cert: folder.file(`${name}.pem`), key: folder.file(`${name}.key`) };
  await writeFile(files.cert, made.cert);
  await writeFile(files.key, made.private);
  return files;
}

/** An authority, and certificates of it, in files of a folder. */
export interface CertificateAuthority {
  /** Its own certificate. */
  readonly cert: string;
  /** Makes a certificate for these names and addresses, in `<file>.pem` and `<file>.key`; by default good for a year. */
  issue(file: string, names: readonly string[], dates?: CertificateDates): Promise<CertificateFiles>;
}

export interface CertificateDates {
  readonly notBeforeDate?: Date;
  readonly notAfterDate?: Date;
}

export async function makeAuthority(folder: TemporaryFolder, name: string): Promise<CertificateAuthority> {
  const made = await generate([{ name: 'commonName', value: name }], {
    algorithm: 'sha256',
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, digitalSignature: true, critical: true },
    ],
  });
  const cert = folder.file(`${name}.pem`);
  await writeFile(cert, made.cert);
  return {
    cert,
    async issue(file, names, dates = {}) {
      const issued = await generate([{ name: 'commonName', value: names[0] ?? file }], {
        ...dates,
        algorithm: 'sha256',
        keyType: 'ec',
        ca: { key: made.private, cert: made.cert },
        extensions: [
          { name: 'basicConstraints', cA: false, critical: true },
          { name: 'keyUsage', digitalSignature: true, critical: true },
          { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
          {
            name: 'subjectAltName',
            altNames: names.map((value) => (isIP(value) === 0 ? { type: 2, value } : { type: 7, ip: value })),
          },
        ],
      });
      const files = { cert: folder.file(`${file}.pem`), key: folder.file(`${file}.key`) };
      await writeFile(files.key, issued.private);
      await writeFile(files.cert, issued.cert);
      return files;
    },
  };
}
