import { Checkpoint, DrcError } from '@drc/protocol';

interface Kept {
  readonly epoch: number;
  readonly checkpoint?: string;
}

/** What cluster managers keep for `hubCheckpoints()`: who took a subscription last saves, nobody else. */
export class KeptCheckpoints {
  /** By the path of the question. */
  readonly #kept = new Map<string, Kept>();

  /** @throws DrcError `CHECKPOINT_FENCED`; `REQUEST_INVALID` for any other question. */
  answer(method: string, path: string, body: object): Readonly<Record<string, unknown>> {
    const take = /^(\/v1\/checkpoints\/[^/]+\/[^/]+)\/take$/.exec(path)?.[1];
    if (method === 'POST' && take !== undefined) {
      const { epoch = 0, ...before } = this.#kept.get(take) ?? {};
      const kept = { ...before, epoch: epoch + 1 };
      this.#kept.set(take, kept);
      return { ...kept };
    }
    if (method === 'PUT' && this.#kept.has(path)) return this.#save(path, body);
    throw new DrcError('REQUEST_INVALID', `The test hub does not know ${method} ${path}.`);
  }

  /** What is saved is never taken back. */
  #save(
    path: string,
    body: { readonly epoch?: number; readonly checkpoint?: string },
  ): Record<string, never> {
    const kept = this.#kept.get(path)!;
    if (body.epoch !== kept.epoch)
      throw new DrcError('CHECKPOINT_FENCED', 'The subscription was taken over by another instance.');
    const { checkpoint = '' } = body;
    const isBehind =
      kept.checkpoint !== undefined &&
      Checkpoint.parse(checkpoint).set.isSubsetOf(Checkpoint.parse(kept.checkpoint).set);
    if (!isBehind) this.#kept.set(path, { ...kept, checkpoint });
    return {};
  }
}
