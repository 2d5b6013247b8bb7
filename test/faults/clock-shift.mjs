// Loaded before a program (`node --import`): its wall clock is off by DRC_TEST_CLOCK_SHIFT_MS. The monotonic clock is not.
const shift = Number(process.env.DRC_TEST_CLOCK_SHIFT_MS);
const now = Date.now.bind(Date);
Date.now = () => now() + shift;
globalThis.Date = new Proxy(Date, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [Date.now()] : args, newTarget),
});
