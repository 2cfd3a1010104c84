// The small picture of a column's values: bars of a histogram, or the most frequent values side by side. Nulls stand at
// the end.
import { grouped, onOneLine } from "./cell.ts";
import { HOW_WORDS, nullShare, percent, valueWords } from "./statistics.ts";
import type { Summary } from "./wire.ts";

const NULLS = 14; // % of the width that a bar for nulls has

function Bars({ counts, high, room }: { counts: number[]; high: number; room: number }) {
  const most = Math.max(1, ...counts);
  const wide = room / counts.length;
  return (
    <>
      {counts.map((count, index) => {
        const height = count === 0 ? 0 : Math.max(1, (count / most) * high);
        return (
          <rect
            key={index}
            x={index * wide}
            y={high - height}
            width={Math.max(0.5, wide - (counts.length > 40 ? 0 : 0.8))}
            height={height}
            class="bar"
          />
        );
      })}
    </>
  );
}

export function Mini({ summary, rows, high = 22 }: { summary: Summary | undefined; rows: number; high?: number }) {
  if (summary === undefined) return <div class="mini" style={{ height: `${high}px` }} />;
  const share = nullShare(summary, rows) ?? 0;
  const room = share > 0 ? 100 - NULLS : 100;
  const nulls = share > 0 && (
    <>
      <rect x={room + 2} y={0} width={NULLS - 2} height={high} class="track" />
      <rect x={room + 2} y={high * (1 - share)} width={NULLS - 2} height={high * share} class="nulls" />
    </>
  );
  let inside = null;
  if (summary.histogram) inside = <Bars counts={summary.histogram.counts} high={high} room={room} />;
  else if (summary.top && summary.top.values.length > 0) {
    const all = Math.max(1, Number(summary.rows?.value ?? rows));
    let x = 0;
    inside = (
      <>
        <rect x={0} y={high - 9} width={room} height={9} class="track" />
        {summary.top.values.map(({ value, count }, index) => {
          const wide = Math.min(room - x, (count / all) * room);
          const from = x;
          x += wide;
          return (
            wide > 0.3 && (
              <rect
                key={value}
                x={from}
                y={high - 9}
                width={Math.max(0.3, wide - 0.6)}
                height={9}
                class={index % 2 === 0 ? "bar" : "bar second"}
              />
            )
          );
        })}
      </>
    );
  }
  return (
    <svg
      class="mini"
      viewBox={`0 0 100 ${high}`}
      preserveAspectRatio="none"
      style={{ height: `${high}px` }}
      aria-hidden="true"
    >
      {inside}
      {nulls}
    </svg>
  );
}

/** The values behind the picture, as a list; for the column's panel. */
export function Frequent({ summary, rows }: { summary: Summary; rows: number }) {
  const { top, histogram } = summary;
  if (top && top.values.length > 0) {
    const all = Math.max(1, Number(summary.rows?.value ?? rows));
    return (
      <table class="frequent">
        <caption>Most frequent values, {HOW_WORDS[top.how]}</caption>
        <tbody>
          {top.values.slice(0, 10).map(({ value, count }) => (
            <tr key={value}>
              <th scope="row">
                <bdi>{value === "" ? <span class="mark empty">empty</span> : onOneLine(value)}</bdi>
              </th>
              <td class="num">{grouped(count)}</td>
              <td class="share">
                <i style={{ width: `${Math.min(100, (count / all) * 100)}%` }} />
                <span>{percent(Math.min(1, count / all))}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    );
  }
  if (!histogram) return null;
  return (
    <figure class="histogram">
      <Mini summary={summary} rows={rows} high={56} />
      <div class="ends">
        <span>{valueWords(histogram.edges[0]!)}</span>
        <span>{valueWords(histogram.edges.at(-1)!)}</span>
      </div>
      <figcaption>
        {histogram.counts.length} bars, {HOW_WORDS[histogram.how]}
      </figcaption>
    </figure>
  );
}
