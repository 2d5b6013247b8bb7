import type { StoreConfig } from '@drc/store';
import { readSecret } from './secret.js';

/**
 * The password of the source's user in a store's file: in the file itself, or where every secret comes from.
 * @throws DrcError as `readSecret`
 */
export async function sourcePasswordOf({ source }: Pick<StoreConfig, 'source'>): Promise<string> {
  return (
    source.password ??
    (await readSecret({
      variable: 'DRC_SOURCE_PASSWORD',
      file: source.passwordFile,
      prompt: `Password for ${source.user}@${source.host}: `,
      orElse: 'source.passwordFile',
    }))
  );
}
