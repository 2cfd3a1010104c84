// Numbers as people read them; the Python twin is daftnb/text/numbers.py. null is always "—".

export const UNKNOWN = "—";
/** The same in a sentence, and where a dash alone would not be understood. */
export const NOT_KNOWN = "not known";
export type Maybe = number | null | undefined;

const three = (value: number): string =>
  value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : value.toFixed(0);

function scaled(value: number, units: [number, string][]): string | null {
  for (const [scale, unit] of units) if (value >= scale * 0.9995) return `${three(value / scale)} ${unit}`;
  return null;
}

const COUNTS: [number, string][] = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];
const SIZES: [number, string][] = [
  [1e12, "TB"],
  [1e9, "GB"],
  [1e6, "MB"],
  [1e3, "kB"],
];

export const count = (value: Maybe): string => (value == null ? UNKNOWN : (scaled(value, COUNTS) ?? value.toFixed(0)));

/** So many a second: small ones with their decimals, as 0.4 a second is not none. */
export const rate = (value: Maybe): string =>
  value == null ? UNKNOWN : value < 99.95 ? String(Number(value.toPrecision(3))) : count(value);

export const rows = (value: Maybe): string => (value == null ? UNKNOWN : `${count(value)} ${noun(value, "row")}`);

export const size = (value: Maybe): string => (value == null ? UNKNOWN : (scaled(value, SIZES) ?? `${value} B`));

export function duration(seconds: Maybe): string {
  if (seconds == null) return UNKNOWN;
  if (seconds < 0.0009995) return `${(seconds * 1e6).toFixed(0)} µs`;
  if (seconds < 0.9995) return `${three(seconds * 1e3)} ms`;
  if (seconds < 59.95) return `${three(seconds)} s`;
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

/** Whole seconds that tick: 0 s, 41 s, 2 min 05 s. */
export const ticking = (seconds: number): string =>
  seconds < 59.5 ? `${Math.max(0, Math.round(seconds))} s` : duration(seconds);

/** Before or after the query's start, to a tenth of a second: a column of them lines up. */
export function signed(seconds: number): string {
  const size = Math.abs(seconds);
  return (seconds < 0 ? "−" : "") + (size < 59.95 ? `${size.toFixed(1)} s` : duration(size));
}

export function ratio(value: Maybe): string {
  if (value == null) return UNKNOWN;
  return (value < 10 ? value.toFixed(2) : value.toFixed(1)).replace(/\.?0+$/, "");
}

export const share = (value: Maybe): string =>
  value == null ? "" : value > 0 && value < 0.005 ? "<1 %" : `${Math.round(value * 100)} %`;

const noun = (value: number, one: string, many = `${one}s`): string => (value === 1 ? one : many);

export const plural = (value: number, one: string, many?: string): string => `${value} ${noun(value, one, many)}`;
