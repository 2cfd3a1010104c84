// Dates, times, timestamps, durations and intervals.
import { cellKind, OF_ORDER, type Records } from "./kind.ts";

export const TEMPORAL: Records<"date" | "time" | "timestamp" | "duration" | "interval"> = {
  date: cellKind({ operators: OF_ORDER, example: "2026-01-31", width: 104 }),
  time: cellKind({ operators: OF_ORDER, example: "12:30:00", width: 118 }),
  timestamp: cellKind({ operators: OF_ORDER, example: "2026-01-31 12:30:00", width: 190 }),
  duration: cellKind({ operators: OF_ORDER, example: "1.5 s", width: 120 }),
  interval: cellKind({}),
};
