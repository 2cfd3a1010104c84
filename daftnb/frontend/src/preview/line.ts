// The line to the kernel: requests with numbers, their answers, and whether the kernel answers at all.
import { signal } from "@preact/signals";
import { LARGEST_ID } from "../limits.ts";
import type { Model } from "../store.ts";
import { type Answer, asAnswer, type Request, type SentRequest } from "./wire.ts";

/** A kernel that has not answered for so long is busy, or gone; the page says so. */
export const PATIENCE_MS = 3_000;
const TICK_MS = 500;

type Hear = (answer: Answer) => void;

interface Open {
  hear: Hear;
  since: number;
  /** It has been answered in part: it works on it. */
  heard: boolean;
}

export class Line {
  /** Whether some request waits for its first answer for too long. */
  readonly silent = signal(false);
  readonly #open = new Map<number, Open>();
  #model: Model;
  // Several pages may share a kernel's widget, and each hears the answers to all: they begin at numbers of their own.
  #last = Math.floor(Math.random() * (LARGEST_ID / 2)) + 1;

  constructor(model: Model) {
    this.#model = model;
  }

  /** Listen while a view is on the page; `onTick` is called now and then. */
  connect(model: Model, abort: AbortSignal, onTick: () => void): void {
    this.#model = model;
    const onMessage = (content: unknown, buffers: unknown) => this.#answer(content, buffers);
    model.on("msg:custom", onMessage as (...values: never[]) => void);
    const timer = setInterval(() => {
      this.look();
      onTick();
    }, TICK_MS);
    abort.addEventListener("abort", () => {
      model.off("msg:custom", onMessage as (...values: never[]) => void);
      clearInterval(timer);
    });
  }

  /** Ask; `hear` gets each answer until one ends the request. Gives the request's number. */
  ask(request: Request, hear: Hear): number {
    this.#last = this.#last >= LARGEST_ID ? 1 : this.#last + 1;
    this.#open.set(this.#last, { hear, since: performance.now(), heard: false });
    this.#send({ ...request, id: this.#last });
    return this.#last;
  }

  /** Ask for it to end: what is still to be answered says so itself. */
  cancel(id: number): void {
    if (this.#open.has(id)) this.#send({ type: "cancel", id });
  }

  #send(request: SentRequest): void {
    this.#model.send(request);
  }

  /** Take no more answers to it. */
  drop(id: number): void {
    this.#open.delete(id);
    this.look();
  }

  isOpen(id: number): boolean {
    return this.#open.has(id);
  }

  look(now = performance.now()): void {
    let silent = false;
    for (const { heard, since } of this.#open.values()) silent ||= !heard && now - since >= PATIENCE_MS;
    this.silent.value = silent;
  }

  #answer(content: unknown, buffers: unknown): void {
    const answer = asAnswer(content, buffers);
    const open = answer && this.#open.get(answer.id);
    if (!open) return;
    open.heard = true;
    if (ends(answer)) this.#open.delete(answer.id);
    if (this.silent.peek()) this.look();
    open.hear(answer);
  }
}

function ends(answer: Answer): boolean {
  switch (answer.type) {
    case "view":
    case "run":
      return answer.state !== "running";
    case "summary":
      return answer.done;
    case "download":
      return answer.part >= answer.of - 1;
    default:
      return true;
  }
}
