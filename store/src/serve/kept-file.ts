import { readFile, rename, writeFile } from 'node:fs/promises';

/** A small file, mode 0600, that is replaced as a whole: whoever reads it sees what was before or what is now. */
export class KeptFile {
  readonly path: string;
  /** The write under way: two must not use one temporary file at a time. */
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.path = path;
  }

  /** Undefined where there is none yet. */
  async read(): Promise<string | undefined> {
    try {
      return await readFile(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Resolves once the text is on the disk. */
  async replace(text: string): Promise<void> {
    const write = async (): Promise<void> => {
      const temporary = `${this.path}.new`;
      await writeFile(temporary, text, { mode: 0o600, flush: true });
      await rename(temporary, this.path);
    };
    this.#writing = this.#writing.then(write, write);
    await this.#writing;
  }
}
