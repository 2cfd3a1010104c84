// One operator as a card: what it is, how far it has come, what came of it, and what stands out.
import { fits, widths } from "./fit.ts";
import { duration, plural, share, size } from "./format.ts";
import type { Work } from "./functions.ts";
import type { Place } from "./layout.ts";
import { brief, DERIVED, type Drawn, rowWords, secondsOf, skewShort } from "./planwords.ts";
import type { Counts } from "./snapshot.ts";
import { glyph } from "./words.ts";

const SHOWN = 120; // characters of a name or expression; the details have all of it
const ROOM = { near: 215, far: 204 }; // px within the borders and paddings of plan.css
const GAP = 8;
const TEXT = widths("12px");
const NAME = widths("650 13px");
const FAR_NAME = widths("650 26px");

interface CardProps {
  operator: Drawn;
  place: Place;
  /** Whether it can be reached by Tab: one can, the arrow keys lead to the others. */
  current: boolean;
  selected: boolean;
  /** On the slowest of several paths. */
  slowest: boolean;
  /** Too far away to be read: its name only. */
  far: boolean;
  actors?: string;
  /** What the functions that it calls do. */
  work?: Work;
  /** How many operators above it are not shown; undefined: all are. */
  hidden?: number;
  onSelect: () => void;
  onFold: () => void;
  onFocus: () => void;
}

export function Card({
  operator,
  place: { x, y, high },
  current,
  selected,
  slowest,
  far,
  actors,
  work,
  hidden,
  onSelect,
  onFold,
  onFocus,
}: CardProps) {
  const { id, name, detail, state, inputs, bytes_out, tasks } = operator;
  const skew = skewShort(operator.skew);
  const note = skew || actors;
  const seconds = secondsOf(operator);
  const time = seconds === null ? "" : (operator.derived_us ? DERIVED : "") + duration(seconds);
  const title = name.slice(0, SHOWN);
  const sign = state ? `${glyph(state)} ` : "";
  const part = (slowest ? "⚑ " : "") + share(operator.time_share);
  const named = far
    ? fits(ROOM.far, GAP, [sign + title, FAR_NAME])
    : fits(ROOM.near, GAP, [sign + title, NAME], [part, TEXT]);
  const expression = brief(detail).slice(0, SHOWN);
  const bytes = bytes_out != null ? size(bytes_out) : "";
  const flow = rowWords(operator, Boolean(note));
  const aside = note ? (skew ? "⚠ " : "") + note : tasks ? "" : time;
  const cut = (name: string, fit: boolean) => (fit ? name : `${name} cut`);
  const classes = ["op", state ?? "planned", slowest && "slow", selected && "chosen"];
  return (
    <>
      <button
        class={classes.filter(Boolean).join(" ")}
        type="button"
        style={{ left: `${x}px`, top: `${y}px`, height: `${high}px` }}
        data-id={id}
        data-state={state}
        tabIndex={current ? 0 : -1}
        aria-pressed={selected}
        onClick={onSelect}
        onFocus={onFocus}
      >
        {operator.time_share != null && (
          <span class="heat" style={{ "--share": `${Math.round(100 * operator.time_share)}%` }} />
        )}
        <span class="row">
          <span class={cut("name", named)} title={name.slice(0, 300)}>
            {state && (
              <>
                <span class={`st-${state}`} aria-hidden="true">
                  {sign}
                </span>
                <span class="hidden">{state} </span>
              </>
            )}
            <bdi>{title}</bdi>
          </span>
          {!far && (
            <span>
              {slowest && (
                <span class="flag" title="on the slowest path">
                  <span aria-hidden="true">⚑ </span>
                  <span class="hidden">slowest path </span>
                </span>
              )}
              {share(operator.time_share)}
            </span>
          )}
        </span>
        {!far && (
          <>
            <span class="row">
              <bdi
                class={cut("expr", fits(ROOM.near, GAP, [expression, TEXT], [bytes, TEXT]))}
                title={detail.slice(0, 600)}
              >
                {expression}
              </bdi>
              {bytes !== "" && <span>{bytes}</span>}
            </span>
            <span class="row">
              <span class={cut("expr", fits(ROOM.near, GAP, [flow, TEXT], [aside, skew ? NAME : TEXT]))}>{flow}</span>
              {aside !== "" && (
                <span class={`${skew ? "over" : "aside"}${fits(ROOM.near, 0, [aside, TEXT]) ? "" : " cut"}`}>
                  {aside}
                </span>
              )}
            </span>
            {tasks && (
              <span class="row">
                <Tasks tasks={tasks} state={state!} />
                {time !== "" && <span>{time}</span>}
              </span>
            )}
            {work && <WorkRows work={work} />}
          </>
        )}
      </button>
      {inputs.length > 0 && (
        <button
          class={hidden === undefined ? "twig" : "twig shut"}
          type="button"
          tabIndex={-1}
          style={{ left: `${x}px`, top: `${y}px` }}
          title={`${foldWords(hidden)} (C)`}
          aria-label={`${foldWords(hidden)}: ${name.slice(0, SHOWN)}`}
          onClick={onFold}
        >
          {hidden === undefined ? "−" : `+${hidden}`}
        </button>
      )}
    </>
  );
}

export const foldWords = (hidden: number | undefined): string =>
  hidden === undefined ? "Hide what is above" : `Show ${plural(hidden, "operator")} above`;

/** What the user's functions do: how fast, for how long, and what stands out. */
function WorkRows({ work: { rate, seconds, errors, note } }: { work: Work }) {
  const wrong = errors && `✕ ${errors}`;
  const cut = fits(ROOM.near, GAP, [wrong, NAME], [note, TEXT]) ? "" : " cut";
  return (
    <>
      <span class="row">
        <span class="expr">
          <b aria-hidden="true">ƒ </b>
          <span class="hidden">function </span>
          {rate}
        </span>
        <span title="in the function's code">
          {seconds}
          <span class="hidden"> in its code</span>
        </span>
      </span>
      <span class="row">
        {wrong !== "" && <b class="st-failed">{wrong}</b>}
        <span class={`expr${cut}`} title={note}>
          {note}
        </span>
      </span>
    </>
  );
}

/** Done, running and failed tasks as parts of all that are known; what is left is pending. The words say it again. */
function Tasks({ tasks, state }: { tasks: Counts; state: string }) {
  const all = tasks.submitted || 1;
  const part = (name: string, value: number) =>
    value > 0 && <i class={name} style={{ width: `${(100 * value) / all}%` }} />;
  return (
    <>
      <span class={`meter parts ${state}`} aria-hidden="true">
        {part("done", tasks.finished)}
        {part("run", tasks.running)}
        {part("fail", tasks.failed + tasks.cancelled)}
      </span>
      <span>
        {tasks.finished}/{tasks.submitted} tasks
        {tasks.failed > 0 ? (
          <span class="st-failed"> · {tasks.failed} failed</span>
        ) : (
          tasks.running > 0 && ` · ${tasks.running} run`
        )}
      </span>
    </>
  );
}
