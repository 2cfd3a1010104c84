// The actors that functions run in, a table for each function: who they are, what they do, and how fast.
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { actorsWords, actorWords, inOrder, isLive, udfOf, type Wait, waitsOf } from "./actors.ts";
import { count, duration, plural, rate, UNKNOWN } from "./format.ts";
import { functionsOf, nameOf } from "./functions.ts";
import { actorsOf } from "./planwords.ts";
import type { Snapshot, UdfActor, Function as UserFunction } from "./snapshot.ts";
import type { Store } from "./store.ts";
import { glyph } from "./words.ts";

const MOST_ROWS = 50;
const MOST_POOLS = 20;

/** Each function that runs in actors, or waits for some, with what Daft says of them. */
export function poolsOf({ plan }: Snapshot) {
  if (!plan) return [];
  const actors = actorsOf(plan);
  return functionsOf(plan)
    .map(([key, called]) => ({ key, called, udf: udfOf(called, actors) }))
    .filter(({ called, udf }) => Object.keys(called.actors).length > 0 || udf?.awaited);
}

export function Pools({ store, snapshot }: { store: Store; snapshot: Snapshot }) {
  const pools = poolsOf(snapshot);
  const waits = snapshot.plan && pools.length > 0 ? waitsOf(snapshot.plan, snapshot.now) : new Map<number, Wait>();
  return (
    <>
      {pools.slice(0, MOST_POOLS).map(({ key, called, udf }) => {
        const name = nameOf(called);
        const wait = called.operators.map((id) => waits.get(id)).find(Boolean);
        return (
          <section class="rule actors" key={key} aria-label={`Actors of ${name}`}>
            <h4>
              <span aria-hidden="true">⚙ </span>
              <bdi title={called.name.slice(0, 600)}>{name}</bdi>
            </h4>{" "}
            <span class="sub">
              {actorsWords(called, udf)}
              {wait && <span class="over"> · {wait.short}</span>}
            </span>
            <Actors store={store} name={name} actors={called.actors} />
          </section>
        );
      })}
      {pools.length > MOST_POOLS && (
        <p class="rule muted">and the actors of {plural(pools.length - MOST_POOLS, "more function")}</p>
      )}
    </>
  );
}

interface ActorsProps {
  store: Store;
  name: string;
  actors: UserFunction["actors"];
}

function Actors({ store, name, actors }: ActorsProps) {
  const all = inOrder(actors);
  const gpus = all.some(([, actor]) => (actor.gpus ?? 0) > 0);
  // A row is made anew only when its actor changed.
  const cache = useRef({ gpus, rows: new WeakMap<UdfActor, VNode>() });
  if (cache.current.gpus !== gpus) cache.current = { gpus, rows: new WeakMap() };
  const row = ([key, actor]: [string, UdfActor]): VNode => {
    let made = cache.current.rows.get(actor);
    if (!made) {
      made = <Row key={key} name={key} actor={actor} gpus={gpus} store={store} />;
      cache.current.rows.set(actor, made);
    }
    return made;
  };
  if (all.length === 0) return null;
  return (
    <>
      <div class="scroll wide-table" tabIndex={0} role="group" aria-label={`actors of ${name} as a table`}>
        <table aria-rowcount={all.length + 1}>
          <thead>
            <tr>
              <th scope="col">actor</th>
              <th scope="col">node</th>
              <th scope="col">state</th>
              {["rows/s", "rows", "queue", "initialised in", ...(gpus ? ["GPUs"] : [])].map((column) => (
                <th scope="col" class="num" key={column}>
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>{all.slice(0, MOST_ROWS).map(row)}</tbody>
        </table>
      </div>
      {all.length > MOST_ROWS && <p class="muted">and {restWords(all.slice(MOST_ROWS))}</p>}
    </>
  );
}

/** "12 more actors: 10 run, 2 are gone". */
function restWords(rest: [string, UdfActor][]): string {
  const live = rest.filter(([, actor]) => isLive(actor)).length;
  const gone = rest.length - live;
  const parts = [live > 0 && `${live} live`, gone > 0 && `${gone} ended or died`].filter(Boolean);
  return `${plural(rest.length, "more actor")}: ${parts.join(", ")}`;
}

function Row({ name, actor, gpus, store }: { name: string; actor: UdfActor; gpus: boolean; store: Store }) {
  return (
    <tr data-state={actor.state} title={actor.worker && `actor ${name.slice(0, 80)}, node ${actor.worker}`}>
      <th scope="row">{name.slice(0, 12)}</th>
      <td>{actor.label.slice(0, 40) || UNKNOWN}</td>
      <td class={`st-${actor.state}`}>
        {glyph(actor.state)} <State actor={actor} store={store} />
      </td>
      <td class="num">{rate(actor.rate)}</td>
      <td class="num">{count(actor.rows)}</td>
      <td class="num">{actor.queue ?? UNKNOWN}</td>
      <td class="num">{duration(actor.init_seconds)}</td>
      {gpus && <td class="num">{actor.gpus ?? UNKNOWN}</td>}
    </tr>
  );
}

/** Ticks by itself. */
function State({ actor, store }: { actor: UdfActor; store: Store }) {
  return <>{actorWords(actor, store.now.value)}</>;
}
