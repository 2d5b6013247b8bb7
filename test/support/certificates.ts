import { writeFile } from 'node:fs/promises';
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
