// Tensors; embeddings, as a line through a few points.
import { type Look, plain, short, UNREADABLE } from "../cell.ts";
import { spark } from "../spark.ts";
import { cellKind, type Records } from "./kind.ts";

const isNumbers = (value: unknown): value is ArrayLike<number> =>
  value instanceof Float32Array || (Array.isArray(value) && value.every((one) => typeof one === "number"));

function line(value: unknown, norm: unknown): Look {
  if (!isNumbers(value)) return UNREADABLE;
  const note = typeof norm === "number" ? `‖ ${Number.isNaN(norm) ? "NaN" : short(norm)}` : "";
  return { ...plain("", "", note), points: value, letters: 15 };
}

export const TENSORS: Records<"tensor" | "embedding"> = {
  tensor: cellKind({ isCode: true, opens: true }),
  embedding: cellKind({
    look: (value, part, row) => line(value, part.note(row)),
    draw: ({ points, note }) => ({ element: spark(points!), label: `embedding, norm ${note.slice(2)}` }),
    opens: true,
    width: 190,
  }),
};
