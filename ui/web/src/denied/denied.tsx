// What is denied, by cause: who wanted to reach whom, who says no, since when, and whether it goes on.

import { useEffect, useRef } from 'preact/hooks';
import { clock, counted, short, stamp, visible, whole } from '../format';
import { withFilter } from '../filter/terms';
import { VerdictMark } from '../icons';
import { go, incidents, status, stream, view } from '../state';
import { tableKeys } from '../table/table';
import type { Incident, Incidents } from '../openapi';
import { judgedWord } from '../verdict';
import { byIncident, chosen, follow } from './acknowledged';
import { arranged, endName, opened, said, standing, unit } from './incident';
import { sparkline } from './sparkline';

const ABOUT = {
  ongoing: 'It goes on: the last drop is not older than they usually come apart',
  allowed: 'The same was allowed afterwards',
  quiet: 'Nobody has tried again, so nobody knows',
};

function Entry({ incident, span }: { incident: Incident; span: string }) {
  const { id, source, destination, port, why, request, drops, connections, since, last, judged, trend, newest, term } = incident;
  const shown = opened(view.value);
  const open = shown !== null && chosen.value?.id === id && chosen.value.connection === shown;
  const what = unit(incident);
  const pods = source.pods.length;
  const acknowledged = byIncident.value.get(id);
  const select = () => {
    chosen.value = { id, connection: newest };
    go(request ? { flow: newest, connection: null } : { connection: newest, flow: null }, shown !== null);
  };
  return (
    <li class={`incident is-${incident.status}${open ? ' chosen' : ''}${acknowledged ? ' acknowledged' : ''}`} data-incident={id}>
      <button class="cause" onClick={select} aria-current={open ? 'true' : undefined}>
        <span class="standing" title={ABOUT[incident.status]}>
          {standing(incident)}
        </span>
        <span class="who">
          <bdi>{visible(endName(source))}</bdi> <span class="arrow">→</span> <bdi>{visible(endName(destination))}</bdi>
          {port && <b>{/^\d/.test(port) ? `:${port}` : ` ${port}`}</b>}
        </span>
        <span class="why">
          <VerdictMark verdict="DROPPED" says={judgedWord(judged)} /> {visible(why)}
          {acknowledged && <span class="known">{said(acknowledged, Date.now())}</span>}
        </span>
        <span class="count" title={request ? counted(drops, 'request') : `${counted(drops, 'packet')} of ${counted(connections, 'connection')}`}>
          <b>{whole(drops)}</b> {drops === 1 ? (request ? 'request' : 'drop') : request ? 'requests' : 'drops'}
        </span>
        <span class="times" title={`${stamp(since)} to ${stamp(last)}`}>
          {clock(since, 1000)} – {clock(last, 1000)}
        </span>
        <span class="pods" title={source.pods.map(visible).join('\n')}>
          {pods > 0 ? counted(pods, 'pod') : ''}
        </span>
        <svg class="trend" viewBox={`0 0 ${trend.length} 10`} preserveAspectRatio="none" role="img" aria-label={`Denied ${what}s ${span}`}>
          <path d={sparkline(trend)} />
        </svg>
      </button>
      <button
        class="small"
        onClick={() => go({ panel: 'flows', unit: 'connections', filters: withFilter(view.value.filters, term), connection: null, flow: null })}
      >
        {short(connections)} {connections === 1 ? what : `${what}s`}
        <span class="hidden">
          {' '}
          of {endName(source)} to {endName(destination)}
        </span>
      </button>
    </li>
  );
}

/** What the little bars are of. */
function axis({ start, step, incidents }: Incidents): string {
  const bars = incidents[0]?.trend.length ?? 0;
  return `from ${clock(start, 1000)} to ${clock(start + step * bars, 1000)}`;
}

export function DeniedView() {
  const list = useRef<HTMLUListElement>(null);
  const now = incidents.value;
  const page = stream.value;
  const move = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' || event.key === 'j' ? 1 : event.key === 'ArrowUp' || event.key === 'k' ? -1 : 0;
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = [...(list.current?.querySelectorAll<HTMLButtonElement>('.cause') ?? [])];
    const here = all.findIndex((each) => each === document.activeElement || each.parentElement?.contains(document.activeElement));
    all[Math.max(0, Math.min(all.length - 1, here + step))]?.focus();
    event.preventDefault();
  };
  useEffect(() => {
    tableKeys.current = move;
    return () => (tableKeys.current = null);
  }, []);
  useEffect(follow, []);
  const narrowed = view.value.filters.length > 0 || view.value.namespaces.length > 0 || view.value.since !== '' || view.value.until !== '';
  const ongoing = now?.incidents.filter(({ status }) => status === 'ongoing').length ?? 0;
  const without = view.value.unacknowledged;
  const shown = arranged(now?.incidents ?? [], byIncident.value, without);
  const acknowledged = now?.incidents.filter(({ id }) => byIncident.value.has(id)).length ?? 0;
  const span = now ? axis(now) : '';
  const wrong = page.state === 'refused' ? page.why : '';
  return (
    <section class="denied" aria-label="Denied">
      <div class="tablehead">
        <h2>Denied</h2>
        <p class="quiet-text">
          {now && !wrong && now.incidents.length > 0 && `${counted(now.incidents.length + now.hidden, 'cause')}, ${whole(ongoing)} ongoing, among ${counted(now.connections, 'connection')}${now.requests > 0 ? ` and ${counted(now.requests, 'denied request')}` : ''}`}
        </p>
        <span class="stretch" />
        {(acknowledged > 0 || without) && (
          <button class="small" aria-pressed={without} onClick={() => go({ unacknowledged: !without }, true)}>
            {without ? 'Show' : 'Hide'} {whole(acknowledged)} acknowledged
          </button>
        )}
      </div>
      {wrong && (
        <div class="nothing" role="alert">
          <p class="error-text">{wrong}</p>
        </div>
      )}
      {!wrong && !now && (
        <div class="nothing">
          <p>Waiting for flows…</p>
        </div>
      )}
      {!wrong && now && now.incidents.length === 0 && (
        <div class="nothing">
          <p>{status.value?.held.flows === 0 ? 'No flows yet.' : `None of ${counted(now.connections, narrowed ? 'matching connection' : 'connection')} is denied.`}</p>
        </div>
      )}
      {!wrong && now && now.incidents.length > 0 && shown.length === 0 && (
        <div class="nothing">
          <p>All {counted(acknowledged, 'cause')} are acknowledged.</p>
        </div>
      )}
      {!wrong && now && shown.length > 0 && (
        <ul class="incidents" id="flows" ref={list} tabIndex={-1} onKeyDown={move}>
          {shown.map((incident) => (
            <Entry key={incident.id} incident={incident} span={span} />
          ))}
          {now.hidden > 0 && <li class="quiet-text more">{counted(now.hidden, 'more cause')} with fewer drops: narrow the filter to see them</li>}
        </ul>
      )}
    </section>
  );
}
