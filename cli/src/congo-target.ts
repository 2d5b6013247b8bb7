import type { TargetOptions } from '@drc/client-sdk/congo';
import type { CongoConfig } from './congo-config.js';
import { readSecret } from './secret.js';
import { readTls } from './tls-files.js';

/** How to reach the target of a task; asks for the password where nothing gives it. @throws DrcError `CONFIG_INVALID`. */
export async function targetOf({ target }: CongoConfig): Promise<TargetOptions> {
  const { host, port, user, passwordFile } = target;
  const tls = await readTls(target.tls);
  const password = await readSecret({
    variable: 'CONGO_TARGET_PASSWORD',
    file: passwordFile,
    prompt: `Password for ${user}@${host}: `,
    orElse: 'target.passwordFile',
  });
  return { host, port, user, password, ...(tls === undefined ? {} : { tls }) };
}
