import { DrcError } from '@drc/protocol';
import { mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { TopicsCheckpoint } from './topics/topics-checkpoint.js';

/**
 * Where one subscription's checkpoint is kept. The text is opaque and must be given back as it was.
 * What either function throws reaches the loop as `CHECKPOINT_STORE`.
 */
export interface CheckpointStore {
  /** The text saved last; undefined where none has ever been saved. */
  load(): Promise<string | undefined>;
  /** Resolves once the text would survive a crash. Never called again before it has resolved. */
  save(checkpoint: string): Promise<void>;
}

/** Keeps the checkpoint in memory: it survives the subscription, not the process. @param initial default: none */
export function memoryCheckpoints(initial?: string): CheckpointStore {
  let saved = initial;
  return {
    load: () => Promise.resolve(saved),
    save: (checkpoint) => {
      saved = checkpoint;
      return Promise.resolve();
    },
  };
}

/** Name of the file where a folder is given. */
const defaultFileName = 'checkpoint';

/**
 * Keeps the checkpoint in a file, replaced as a whole and synced each time. One file belongs to one subscription.
 *
 * A file that cannot be read is `CHECKPOINT_STORE`: reading on from anywhere else would leave transactions out or
 * repeat a day of them. Whoever wants that removes the file.
 * @param path the file; or a folder (one that exists, or a path that ends in a slash), in which it is `checkpoint`
 */
export function fileCheckpoints(path: string): CheckpointStore {
  return new FileCheckpoints(path);
}

class FileCheckpoints implements CheckpointStore {
  readonly path: string;
  #file: Promise<string> | undefined;

  constructor(path: string) {
    this.path = path;
  }

  async load(): Promise<string | undefined> {
    const name = await this.#located();
    let text: string;
    try {
      text = await readFile(name, 'latin1');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw failure(`The checkpoint file ${name} cannot be read.`, cause);
    }
    return checked(text.trimEnd(), name);
  }

  async save(checkpoint: string): Promise<void> {
    const name = await this.#located();
    try {
      await replace(name, `${checkpoint}\n`);
    } catch (cause) {
      throw failure(`The checkpoint file ${name} cannot be written.`, cause);
    }
  }

  #located(): Promise<string> {
    return (this.#file ??= locate(this.path));
  }
}

/** What tells whether two stores are the same place, as far as it can be told without looking. */
export const placeOf = (store: CheckpointStore): unknown =>
  store instanceof FileCheckpoints ? resolve(store.path) : store;

async function locate(path: string): Promise<string> {
  if (/[/\\]$/.test(path)) return join(path, defaultFileName);
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isFolder ? join(path, defaultFileName) : path;
}

function checked(text: string, name: string): string {
  try {
    TopicsCheckpoint.parse(text);
    return text;
  } catch (cause) {
    throw failure(
      `The checkpoint file ${name} is damaged: ${(cause as Error).message} Restore it; or remove it, and the subscription begins at its \`from\`: then see to what lies between.`,
      cause,
    );
  }
}

/** A crash at any point leaves the old content or the new one: rename is atomic, and what it names is on disk before. */
async function replace(name: string, text: string): Promise<void> {
  const folder = dirname(name);
  await mkdir(folder, { recursive: true });
  const temporary = `${name}.tmp`;
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.writeFile(text, 'latin1');
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, name);
  await syncFolder(folder);
}

/** Puts the rename itself on disk. Windows has no such thing and refuses to open a folder. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const failure = (message: string, cause: unknown): DrcError =>
  new DrcError('CHECKPOINT_STORE', message, {}, { cause });
