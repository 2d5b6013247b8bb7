/** How pauses between attempts grow. */
export interface BackoffLimits {
  /** Upper bound of the first pause, in ms. */
  readonly baseMs: number;
  /** Upper bound of any pause, in ms. */
  readonly capMs: number;
}

export const defaultBackoff: BackoffLimits = { baseMs: 200, capMs: 30_000 };

/**
 * The pause in ms before attempt 1, 2, 3 …: anywhere between nothing and a bound that doubles. Spreading over the
 * whole range ("full jitter") keeps readers that lost one store together from coming back together.
 * @param random a number in [0, 1)
 */
export const pauseBefore = (attempt: number, random: number, { baseMs, capMs }: BackoffLimits): number =>
  Math.round(random * Math.min(capMs, baseMs * 2 ** Math.min(attempt - 1, 30)));

/** Settles as the promise does. @throws the signal's reason, where that comes first. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}

/** Resolves after `ms`. @throws the signal's reason. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
