// One value in full, beside the grid: text, tree, picture, bytes or address.
import { useEffect, useMemo, useState } from "preact/hooks";
import { plural, size } from "../format.ts";
import { cellOf, copied } from "./asks.ts";
import { grouped, nameWords, onOneLine } from "./cell.ts";
import { copyText } from "./clipboard.ts";
import type { Place, PreviewStore } from "./store.ts";
import { addressOf } from "./thumbnails.ts";
import type { Cell, Node } from "./wire.ts";

const OPEN_TO = 2; // levels of a tree that are unfolded at first
const FOLLOW_MS = 120; // the active cell may move on
const LONG = 400; // characters of a tree's text on one line

function Leaf({ node }: { node: Exclude<Node, { items: unknown }> }) {
  if (node.t === "null") return <span class="mark null">null</span>;
  if (node.t === "text" && node.v === "") return <span class="mark empty">empty</span>;
  return <bdi class={`leaf of-${node.t}`}>{node.v.length > LONG ? `${node.v.slice(0, LONG)}…` : node.v}</bdi>;
}

function Branch({ name, node, depth }: { name: string | null; node: Node; depth: number }) {
  const key = name !== null && <span class="key"><bdi>{onOneLine(name)}</bdi></span>;
  if (!("items" in node)) return <li>{key} <Leaf node={node} /></li>;
  const words = node.t === "list" ? plural(node.n, "item") : node.t === "map" ? `${node.n} ${node.n === 1 ? "entry" : "entries"}` : plural(node.n, "field");
  if (node.items.length === 0) return <li>{key} <span class="muted">{words}</span></li>;
  const more = node.n - node.items.length;
  return (
    <li>
      <details open={depth < OPEN_TO}>
        <summary>{key} <span class="muted">{words}</span></summary>
        <ul>
          {node.t === "list"
            ? node.items.map((item, index) => <Branch key={index} name={String(index)} node={item} depth={depth + 1} />)
            : node.items.map(([item, child], index) => <Branch key={index} name={item} node={child} depth={depth + 1} />)}
          {more > 0 && <li class="muted">… {grouped(more)} more</li>}
        </ul>
      </details>
    </li>
  );
}

function Picture({ cell }: { cell: Extract<Cell, { kind: "image" }> }) {
  const address = useMemo(() => addressOf(cell.image), [cell]);
  useEffect(() => () => URL.revokeObjectURL(address), [address]);
  return (
    <>
      <img class="full" src={address} alt={`image, ${cell.text}`} />
      <p class="muted">{cell.text}</p>
    </>
  );
}

function Content({ cell }: { cell: Cell }) {
  switch (cell.kind) {
    case "text":
      if (cell.text === "") return <p><span class="mark empty">empty</span></p>;
      return (
        <>
          <pre dir="auto" tabIndex={0}>{cell.text}</pre>
          <p class="muted">{cell.text.length < cell.length ? `The first ${grouped(cell.text.length)} of ${grouped(cell.length)} characters` : plural(cell.length, "character")}</p>
        </>
      );
    case "tree":
      return <ul class="tree"><Branch name={null} node={cell.tree} depth={0} /></ul>;
    case "image":
      return <Picture cell={cell} />;
    case "bytes":
      return (
        <>
          <p class="muted">{[cell.sniffed, size(cell.length)].filter(Boolean).join(", ")}</p>
          <pre class="hex" tabIndex={0}>{cell.text}</pre>
        </>
      );
    case "link":
      return (
        <>
          <pre tabIndex={0}>{cell.text}</pre>
          {cell.href !== null ? <p><a href={cell.href} target="_blank" rel="noopener noreferrer">Open in a new tab ↗</a></p> : <p class="muted">Only http and https addresses are opened.</p>}
        </>
      );
  }
}

interface DetailProps {
  store: PreviewStore;
  place: Place;
  onClose: () => void;
}

export function Detail({ store, place, onClose }: DetailProps) {
  const column = store.view.value.columns[place.column];
  const [found, setFound] = useState<{ key: string; cell: Cell | string } | null>(null);
  const key = `${place.row} ${column} ${store.stamp.value === -1}`;
  useEffect(() => {
    if (column === undefined) return;
    let drop: (() => void) | undefined;
    const timer = setTimeout(() => (drop = cellOf(store, place.row, column, (cell) => setFound({ key, cell }))), found === null ? 0 : FOLLOW_MS);
    return () => {
      clearTimeout(timer);
      drop?.();
    };
  }, [key]);
  const about = column === undefined ? undefined : store.table.value?.columns[column];
  if (about === undefined) return null;
  const cell = found?.key === key ? found.cell : null;
  const copy = (event: MouseEvent) => {
    const near = event.currentTarget as HTMLElement;
    copyText(copied(store, place.row, 1, [column!]), near).then(() => (store.said.value = "Copied the value."), () => (store.problem.value = "Not copied."));
  };
  return (
    <section class="detail-pane" role="region" aria-label={`Value of ${about.name}, row ${grouped(place.row)}`}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        onClose();
      }}>
      <header>
        <h3><bdi>{nameWords(about.name)}</bdi></h3>
        <button type="button" onClick={copy}>Copy</button>
        <button type="button" class="close" aria-label="Close the value" onClick={onClose}>×</button>
      </header>
      <p class="muted">row {grouped(place.row)} · {about.type}</p>
      <div class="value">{cell === null ? <p class="muted">…</p> : typeof cell === "string" ? <p class="problem">{cell}</p> : <Content cell={cell} />}</div>
    </section>
  );
}
