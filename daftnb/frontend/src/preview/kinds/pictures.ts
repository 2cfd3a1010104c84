// Images, as thumbnails.
import { type Look, plain, UNREADABLE } from "../cell.ts";
import type { Thumbnails } from "../thumbnails.ts";
import { cellKind, type Drawing, type Records } from "./kind.ts";

function thumbnail(value: unknown, words: unknown): Look {
  if (!(value instanceof Uint8Array)) return UNREADABLE;
  return { ...plain("", "", typeof words === "string" ? words : ""), image: value, letters: 10 };
}

function drawn({ image, note }: Look, thumbnails: Thumbnails): Drawing {
  const picture = document.createElement("img");
  picture.alt = `image, ${note}`;
  picture.src = thumbnails.address(image!);
  picture.draggable = false;
  return { element: picture, label: "" };
}

export const PICTURES: Records<"image"> = {
  image: cellKind({
    look: (value, part, row) => thumbnail(value, part.note(row)),
    draw: drawn,
    opens: true,
    isTall: true,
    width: 150,
  }),
};
