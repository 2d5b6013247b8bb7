/*
 * Dates and times in expressions: texts as the servers print them, so that zero and partial dates keep what they say.
 * Compared as texts, which sorts them by time.
 */
const momentPattern =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,6}))?)?)?$/;
const timePattern = /^(-?)(\d{1,3}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,6}))?)?$/;

const two = (digits: string | undefined): string => (digits ?? '').padStart(2, '0');

/** A date or datetime in the form in which they are compared; undefined where the text is none. */
export function parseMoment(text: string): string | undefined {
  const found = momentPattern.exec(text);
  if (found === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction] = found;
  if (Number(month) > 12 || Number(day) > 31) return undefined;
  const date = `${year!}-${two(month)}-${two(day)}`;
  if (hour === undefined) return date;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second ?? 0) > 59) return undefined;
  return withoutZeros(
    `${date} ${two(hour)}:${two(minute)}:${two(second)}${fraction === undefined ? '' : `.${fraction}`}`,
  );
}

/** The fraction without the zeros at its end, and without its point where nothing is left. */
export function withoutZeros(moment: string): string {
  if (moment.length <= 19) return moment;
  let end = moment.length;
  while (moment[end - 1] === '0') end -= 1;
  return moment.slice(0, moment[end - 1] === '.' ? end - 1 : end);
}

export const asDatetime = (moment: string): string => (moment.length === 10 ? `${moment} 00:00:00` : moment);

/** A time in microseconds; undefined where the text is none. */
export function parseTime(text: string): number | undefined {
  const found = timePattern.exec(text);
  if (found === null) return undefined;
  const [, sign, hours, minutes, seconds = '0', fraction = ''] = found;
  if (Number(hours) > 838 || Number(minutes) > 59 || Number(seconds) > 59) return undefined;
  const clock = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  const time = clock * 1_000_000 + Number(fraction.padEnd(6, '0'));
  return sign === '-' && time > 0 ? -time : time;
}
