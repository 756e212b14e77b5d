// The time axis: flows over time, what was dropped of them, and where events were lost. A stretch of
// it can be selected with the pointer or the keys.

import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { clock, counted, short, span, whole } from '../format';
import { Icon } from '../icons';
import { fetchOlder, fetching, olderError } from '../older';
import { changes, go, histogram as shown, noun, status, stream, view } from '../state';
import type { Histogram } from '../openapi';
import { bars, bucketAt, covered, days, hatched, highest, noData, side, tickText, ticks } from './scale';
import { begin } from '../times';
import { changed, lines, marks as changeMarks, one } from './marks';

function describe(histogram: Histogram, at: number): string {
  const { since } = covered(histogram, at, at);
  const parts = [
    clock(since, histogram.width),
    counted(histogram.passed[at] ?? 0, noun.value),
    `${whole(histogram.dropped[at] ?? 0)} dropped`,
  ];
  if (histogram.lost[at]) parts.push(`${counted(histogram.lost[at], 'event')} lost here`);
  const missing = noData(histogram, covered(histogram, at, at));
  if (missing) parts.push(missing);
  const change = changed(changes.value, covered(histogram, at, at));
  if (change) parts.push(change);
  return parts.join(', ');
}

/** At the left end: what was before. */
function Before() {
  const held = status.value?.held;
  const since = begin(view.value.since, Date.now());
  // What is narrowed to a later time begins where that begins.
  if (!held || (since !== null && (held.oldest ?? 0) < since)) return null;
  const said = {
    more: olderError.value || (fetching.value ? 'Fetching older flows' : 'Fetch older flows'),
    begins: 'History begins here',
    full: 'No room for older flows (--capacity)',
  }[held.older];
  return (
    <button class={`before ${held.older}`} aria-label={said} title={said} aria-disabled={held.older !== 'more'} aria-busy={fetching.value} onClick={() => void fetchOlder()}>
      {held.older === 'more' && <Icon name="before" />}
    </button>
  );
}

/** Room that the days at the right end need, px. */
const DAYS = 170;

/** Room that the time at a mark needs, px. */
const TICK = 76;

/** Marks of changes must be so far apart to be told apart, px. */
const APART = 14;

/** What changed, above the bars. */
function Changes({ histogram, width }: { histogram: Histogram; width: number }) {
  const [pointed, setPointed] = useState<number | null>(null);
  // Which change of the mark is told by itself; null: all of them in short.
  const [told, setTold] = useState<number | null>(null);
  const leave = () => (setPointed(null), setTold(null));
  const found = changeMarks(changes.value, histogram, APART / Math.max(width, 1));
  const mark = pointed === null ? undefined : found[pointed];
  return (
    <div class="changes">
      {found.map((mark, index) => (
        <button
          key={mark.changes[0]?.time}
          class={`change${mark.changes.length > 1 ? ' several' : ''}`}
          aria-label={lines(mark).join('; ')}
          style={{ left: `${mark.at * 100}%` }}
          onPointerEnter={() => setPointed(index)}
          onPointerLeave={leave}
          onFocus={() => setPointed(index)}
          onBlur={leave}
          onClick={() => (setPointed(index), setTold(told === null || pointed !== index ? 0 : (told + 1) % mark.changes.length))}
        >
          {mark.changes.length > 1 && <span aria-hidden="true">{mark.changes.length > 99 ? '99+' : mark.changes.length}</span>}
        </button>
      ))}
      {mark && (
        <div class={`tip told${mark.at > 0.5 ? ' left' : ''}`} style={{ left: `${mark.at * 100}%` }} role={told === null ? undefined : 'status'} aria-hidden={told === null}>
          <ul>
            {(told === null ? lines(mark) : one(mark, told)).map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

export function TimeAxis() {
  const box = useRef<HTMLDivElement>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const [mark, setMark] = useState<number | null>(null);
  const dragging = useRef(false);
  const [width, setWidth] = useState(innerWidth);
  const histogram = shown.value;
  const count = histogram?.passed.length ?? 0;
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const watch = new ResizeObserver(() => setWidth(element.clientWidth));
    watch.observe(element);
    return () => watch.disconnect();
  }, [count === 0]);
  const page = stream.value;
  if (!histogram || count === 0 || page.state === 'refused') {
    return (
      <section class="axis empty" aria-label="Flows over time">
        <p class="quiet-text">{page.state === 'refused' ? (view.value.panel === 'map' ? page.why : '') : histogram ? `No ${noun.value}s in this time range` : ''}</p>
      </section>
    );
  }
  const most = highest(histogram);
  const { step, ticks: marks } = ticks(histogram, Math.max(2, Math.min(8, Math.floor(width / TICK))));
  const at = cursor === null ? null : Math.min(cursor, count - 1);
  const from = mark === null ? null : Math.min(mark, count - 1);
  const lost = histogram.lost.flatMap((lost, at) => (lost ? [{ at, lost }] : []));

  const bucket = (event: PointerEvent) => {
    const area = box.current?.getBoundingClientRect();
    return area ? bucketAt(histogram, (event.clientX - area.left) / area.width) : 0;
  };
  const select = (first: number, last: number) => {
    const { since, until } = covered(histogram, first, last);
    go({ since: String(since), until: String(until) });
    setMark(null);
    setCursor(null);
  };
  const onKey = (event: KeyboardEvent) => {
    const here = at ?? count - 1;
    if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') {
      const next = Math.min(count - 1, Math.max(0, here + (event.key === 'ArrowLeft' ? -1 : 1)));
      if (!event.shiftKey) setMark(null);
      else if (mark === null) setMark(here);
      setCursor(at === null ? here : next);
    } else if (event.key === 'Home') setCursor(0);
    else if (event.key === 'End') setCursor(count - 1);
    else if (event.key === 'Enter' && at !== null) select(from ?? at, at);
    else if (event.key === 'Escape' && at !== null) {
      setMark(null);
      setCursor(null);
    } else return;
    event.preventDefault();
  };
  const percent = (value: number) => `${(value * 100) / count}%`;
  const stretch = from !== null && at !== null ? covered(histogram, from, at) : null;
  return (
    <section class="axis" aria-label="Flows over time">
      <Before />
      <Changes histogram={histogram} width={width} />
      <div
        class="plot"
        ref={box}
        tabIndex={0}
        role="slider"
        aria-label="Time"
        aria-valuemin={0}
        aria-valuemax={count - 1}
        aria-valuenow={at ?? count - 1}
        aria-valuetext={describe(histogram, at ?? count - 1)}
        onKeyDown={onKey}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          box.current?.setPointerCapture(event.pointerId);
          dragging.current = true;
          setMark(bucket(event));
          setCursor(bucket(event));
        }}
        onPointerMove={(event) => setCursor(bucket(event))}
        onPointerUp={(event) => {
          if (!dragging.current) return;
          dragging.current = false;
          // A click alone doesn't narrow the time to a second.
          if (mark !== null && bucket(event) !== mark) select(mark, bucket(event));
          else setMark(null);
        }}
        onPointerLeave={() => !dragging.current && setCursor(null)}
        onBlur={() => (setMark(null), setCursor(null))}
      >
        {hatched(histogram).map(({ left, width, text }) => (
          <span key={`${left} ${text}`} class="outage-span" role="img" aria-label={text} title={text} style={{ left: `${left * 100}%`, width: `${width * 100}%` }}>
            {width > 0.12 && <span>{text}</span>}
          </span>
        ))}
        <svg class="bars" viewBox={`0 0 ${count} 100`} preserveAspectRatio="none" aria-hidden="true">
          <path class="passed" d={bars(histogram, 'passed', most)} />
          <path class="dropped" d={bars(histogram, 'dropped', most)} />
        </svg>
        {lost.map(({ at, lost }) => (
          <span key={at} class="loss" style={{ left: percent(at + 0.5) }} title={`${counted(lost, 'event')} lost here`} />
        ))}
        {from !== null && at !== null && (
          <span
            class="brush"
            style={{ left: percent(Math.min(from, at)), width: percent(Math.abs(at - from) + 1) }}
          />
        )}
        {at !== null && (
          <>
            <span class="cursor" style={{ left: percent(at + 0.5) }} />
            <span class={`tip${at > count / 2 ? ' left' : ''}`} style={{ left: percent(at + 0.5) }}>
              {stretch ? `${clock(stretch.since, 1000)} – ${clock(stretch.until, 1000)} (${span(stretch.until - stretch.since)})` : describe(histogram, at)}
            </span>
          </>
        )}
        {most > 0 && (
          <span class="most" aria-hidden="true" title="What the highest bar counts. Heights, drops included, are on a square-root scale so that small counts stay visible">
            {short(most)} <small>sqrt scale</small>
          </span>
        )}
      </div>
      <div class="ticks" aria-hidden="true">
        <span class="days">{days(histogram)}</span>
        {marks.map(({ time, at }) => (
          <span key={time} class={side(at)} style={{ left: `${at * 100}%` }}>
            {(1 - at) * width < DAYS && width > 3 * DAYS ? '' : tickText(time, step)}
          </span>
        ))}
      </div>
    </section>
  );
}
