// The forms of a value in full, one for each that the kernel may send: text, tree, picture, bytes, address.
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { plural, size } from "../format.ts";
import { grouped, onOneLine } from "./cell.ts";
import { addressOf } from "./thumbnails.ts";
import type { Cell, Node } from "./wire.ts";

const OPEN_TO = 2; // levels of a tree that are unfolded at first
const LONG = 400; // characters of a tree's text on one line

type Form = Cell["kind"];
type Shown<F extends Form> = Extract<Cell, { kind: F }>;

function Plain({ cell }: { cell: Shown<"text"> }) {
  if (cell.text === "")
    return (
      <p>
        <span class="mark empty">empty</span>
      </p>
    );
  return (
    <>
      <pre dir="auto" tabIndex={0}>
        {cell.text}
      </pre>
      <p class="muted">
        {cell.text.length < cell.length
          ? `The first ${grouped(cell.text.length)} of ${grouped(cell.length)} characters`
          : plural(cell.length, "character")}
      </p>
    </>
  );
}

function Leaf({ node }: { node: Exclude<Node, { items: unknown }> }) {
  if (node.t === "null") return <span class="mark null">null</span>;
  if (node.t === "text" && node.v === "") return <span class="mark empty">empty</span>;
  return <bdi class={`leaf of-${node.t}`}>{node.v.length > LONG ? `${node.v.slice(0, LONG)}…` : node.v}</bdi>;
}

function Branch({ name, node, depth }: { name: string | null; node: Node; depth: number }) {
  const key = name !== null && (
    <span class="key">
      <bdi>{onOneLine(name)}</bdi>
    </span>
  );
  if (!("items" in node))
    return (
      <li>
        {key} <Leaf node={node} />
      </li>
    );
  const words =
    node.t === "list"
      ? plural(node.n, "item")
      : node.t === "map"
        ? `${node.n} ${node.n === 1 ? "entry" : "entries"}`
        : plural(node.n, "field");
  if (node.items.length === 0)
    return (
      <li>
        {key} <span class="muted">{words}</span>
      </li>
    );
  const more = node.n - node.items.length;
  return (
    <li>
      <details open={depth < OPEN_TO}>
        <summary>
          {key} <span class="muted">{words}</span>
        </summary>
        <ul>
          {node.t === "list"
            ? node.items.map((item, index) => <Branch key={index} name={String(index)} node={item} depth={depth + 1} />)
            : node.items.map(([item, child], index) => (
                <Branch key={index} name={item} node={child} depth={depth + 1} />
              ))}
          {more > 0 && <li class="muted">… {grouped(more)} more</li>}
        </ul>
      </details>
    </li>
  );
}

const Tree = ({ cell }: { cell: Shown<"tree"> }) => (
  <ul class="tree">
    <Branch name={null} node={cell.tree} depth={0} />
  </ul>
);

function Picture({ cell }: { cell: Shown<"image"> }) {
  const address = useMemo(() => addressOf(cell.image), [cell]);
  useEffect(() => () => URL.revokeObjectURL(address), [address]);
  return (
    <>
      <img class="full" src={address} alt={`image, ${cell.text}`} />
      <p class="muted">{cell.text}</p>
    </>
  );
}

const Bytes = ({ cell }: { cell: Shown<"bytes"> }) => (
  <>
    <p class="muted">{[cell.sniffed, size(cell.length)].filter(Boolean).join(", ")}</p>
    <pre class="hex" tabIndex={0}>
      {cell.text}
    </pre>
  </>
);

const Address = ({ cell }: { cell: Shown<"link"> }) => (
  <>
    <pre tabIndex={0}>{cell.text}</pre>
    {cell.href !== null ? (
      <p>
        <a href={cell.href} target="_blank" rel="noopener noreferrer">
          Open in a new tab ↗
        </a>
      </p>
    ) : (
      <p class="muted">Only http and https addresses are opened.</p>
    )}
  </>
);

const FORMS: { [F in Form]: (props: { cell: Shown<F> }) => JSX.Element } = {
  text: Plain,
  tree: Tree,
  image: Picture,
  bytes: Bytes,
  link: Address,
};

/** A value in the form that it came in. */
export function Content({ cell }: { cell: Cell }) {
  // The compiler does not see that a form's component and its cell go together.
  const Component = FORMS[cell.kind] as (props: { cell: Cell }) => JSX.Element;
  return <Component cell={cell} />;
}
