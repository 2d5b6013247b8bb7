/** ms of the machine's monotonic clock: the same clock in every process. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;
