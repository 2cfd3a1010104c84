// A recording in one file: unpacks the snapshots that are in the page, and draws the cockpit of them with its slider.
import type { Difference } from "./differences.ts";
import { FileModel } from "./filemodel.ts";
import { render } from "./index.tsx";

/** The JSON in a text of base64: compressed by gzip. */
async function unpacked(text: string): Promise<unknown> {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

async function open(): Promise<void> {
  const el = document.getElementById("run")!;
  try {
    const changes = await unpacked(document.getElementById("snapshots")!.textContent!.trim());
    const model = new FileModel(changes as (Difference | null)[]);
    render({ model, el });
    Object.assign(globalThis, { daftnbRun: model }); // for whoever looks into the page
  } catch (error) {
    console.error("daftnb:", error);
    const told = document.createElement("p");
    told.textContent = `This browser cannot draw the recording (${String(error)}). Its end as text:`;
    el.prepend(told);
  }
}

void open();
