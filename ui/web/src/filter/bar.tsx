// The filter bar: expressions as chips, a field to write the next one, and what else narrows the view.

import { useRef } from 'preact/hooks';
import { filterError } from '../live';
import { arrived, go, pause, paused, resume, view } from '../state';
import { Icon } from '../icons';
import { clock, short, visible } from '../format';
import { begin } from '../times';
import { zoneName } from '../zone';
import { Field } from './field';
import { Namespaces } from './namespaces';
import { TimesMenu } from './timesmenu';
import { DROPPED, negated, toggleFilter, withFilter } from './terms';

export const FIELD = 'filter-field';

export function focusFilter(): void {
  document.getElementById(FIELD)?.focus();
}

function Chip({ text, index, edit }: { text: string; index: number; edit: (text: string) => void }) {
  const remove = () => go({ filters: view.value.filters.filter((_, at) => at !== index) });
  const opposite = negated(text);
  const excludes = text.startsWith('not (') && opposite.length < text.length;
  const bad = filterError.value?.filter === index;
  return (
    <li class={`chip${excludes ? ' excludes' : ''}${bad ? ' wrong' : ''}`} title={bad ? filterError.value?.message : undefined}>
      <button
        class="sign"
        onClick={() => go({ filters: view.value.filters.map((each, at) => (at === index ? opposite : each)) })}
        aria-label={excludes ? `Include ${opposite}` : `Exclude ${text}`}
        title={excludes ? 'Excluded: click to include' : 'Included: click to exclude'}
      >
        {excludes ? '≠' : '='}
      </button>
      <button class="text" onClick={() => (remove(), edit(text))} title="Edit">
        <bdi>{visible(excludes ? opposite : text)}</bdi>
      </button>
      <button class="remove" onClick={remove} aria-label={`Remove ${text}`}>
        <Icon name="close" />
      </button>
    </li>
  );
}

function timeText(text: string): string {
  const time = begin(text, NaN);
  if (time === null || Number.isNaN(time)) return `${text} ago`;
  return clock(time, 1000);
}

function TimeChip() {
  const { since, until } = view.value;
  if (!since && !until) return null;
  return (
    <li class="chip time">
      <span class="text">
        <Icon name="clock" />
        {since ? timeText(since) : 'start'} – {until ? timeText(until) : 'now'}
        {[since, until].some((text) => /^\d{4}/.test(text)) && ` ${zoneName(Date.now())}`}
      </span>
      <button class="remove" onClick={() => go({ since: '', until: '' })} aria-label="All times">
        <Icon name="close" />
      </button>
    </li>
  );
}

export function FilterBar() {
  const set = useRef<(text: string) => void>(() => {});
  const { filters } = view.value;
  const only = filters.includes(DROPPED);
  return (
    <section class="filterbar" aria-label="Filter">
      <div class="entry">
        <ul class="chips">
          <TimeChip />
          {filters.map((text, index) => (
            <Chip key={text} text={text} index={index} edit={(text) => set.current(text)} />
          ))}
        </ul>
        <Field
          id={FIELD}
          bind={(fill) => (set.current = fill)}
          onAdd={(text) => go({ filters: withFilter(view.value.filters, text) })}
          onBack={() => {
            const last = view.value.filters.at(-1);
            if (last === undefined) return;
            go({ filters: view.value.filters.slice(0, -1) });
            set.current(last);
          }}
        />
      </div>
      <TimesMenu />
      <Namespaces />
      <button class={`toggle bad${only ? ' on' : ''}`} aria-pressed={only} onClick={() => go({ filters: toggleFilter(filters, DROPPED) })} title="Dropped flows only (d)">
        Dropped
      </button>
      <button
        class={`toggle pause${paused.value ? ' on' : ''}`}
        aria-pressed={paused.value}
        onClick={() => (paused.value ? resume() : pause())}
        title={paused.value ? 'Resume (Space)' : 'Pause the view; flows are still collected (Space)'}
      >
        <Icon name={paused.value ? 'play' : 'pause'} />
        {paused.value ? 'Resume' : 'Pause'}
        {paused.value && <span class="count">{short(arrived.value)} new</span>}
      </button>
    </section>
  );
}
