import type { Registry } from './registry/registry.js';

/**
 * The topics there are: those that a store key is bound to. They stay when all their stores are down, so that a
 * reader is told to wait and not that its topic does not exist.
 */
export class Topics {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Sorted. */
  async list(): Promise<readonly string[]> {
    const keys = await this.#registry.list('machineKey');
    return [...new Set(keys.flatMap(({ value }) => (value.kind === 'store' ? value.topics : [])))].sort();
  }

  async has(topic: string): Promise<boolean> {
    return (await this.list()).includes(topic);
  }
}
