// Pictures as addresses that the page may show: made when a picture is first seen, released when many others were seen
// since.
const MOST = 400;

export class Thumbnails {
  readonly #addresses = new Map<Uint8Array, string>(); // in the order of use
  readonly #most: number;

  constructor(abort: AbortSignal, most = MOST) {
    this.#most = most;
    abort.addEventListener("abort", () => {
      for (const address of this.#addresses.values()) URL.revokeObjectURL(address);
      this.#addresses.clear();
    });
  }

  get size(): number {
    return this.#addresses.size;
  }

  address(image: Uint8Array): string {
    const address = this.#addresses.get(image) ?? addressOf(image);
    this.#addresses.delete(image);
    this.#addresses.set(image, address);
    const [oldest] = this.#addresses;
    if (this.#addresses.size > this.#most && oldest) {
      URL.revokeObjectURL(oldest[1]);
      this.#addresses.delete(oldest[0]);
    }
    return address;
  }
}

/** It is shown as a PNG whatever it is: nothing else is a picture here. */
export const addressOf = (image: Uint8Array): string =>
  URL.createObjectURL(new Blob([image as Uint8Array<ArrayBuffer>], { type: "image/png" }));
