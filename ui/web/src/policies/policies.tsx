// The policies: whether they are in force, how often they decide, what is likely not meant, and who has none.

import { useEffect, useRef } from 'preact/hooks';
import { useAnswer } from '../answer';
import { clock, counted, stamp, visible, whole } from '../format';
import { Go, WorkloadLink } from '../link';
import { go, hidden, view } from '../state';
import { tableKeys } from '../table/table';
import type { PolicyCoverage, PolicyEntry, PolicyList, PolicyRefusal, Uncovered } from '../openapi';
import '../style/policies.css';
import { COLUMNS, reordered, sorted } from './order';
import { PolicyPanel } from './panel';
import { hits, pace, STATES, summed, worst } from './words';

/** Between two looks, ms. */
export const AGAIN = 5000;
/** A word is looked for this long after the last key, ms. */
const TYPED = 200;

export function Refusal({ refusal, stale }: { refusal: PolicyRefusal; stale: boolean }) {
  const { place, field, problem, remedy } = refusal;
  return (
    <p class={`refusal ${stale ? 'stale' : ''}`}>
      <b>{stale ? 'Present version refused; the last good version in force' : 'NOT ENFORCED'}</b>: <code>{visible(place)}</code> {field && <code>{visible(field)}</code>} {visible(problem)}
      {remedy && <span class="quiet-text"> {visible(remedy)}</span>}
    </p>
  );
}

function Line({ entry, kernel, only }: { entry: PolicyEntry; kernel: boolean; only: boolean }) {
  const { policy, kind, namespace, name, meaning, state, pods, workloads, workloads_hidden, rules, never_hit, open, last, refusal, findings } = entry;
  const chosen = view.value.policy === policy;
  const first = worst(findings)[0];
  const { word, tone, about } = STATES[state];
  return (
    <tr class={`policy-line ${state}${chosen ? ' chosen' : ''}`} data-policy={policy}>
      <th scope="row">
        <Go to={{ policy }} class="name">
          <span class="kind">{kind}</span> <bdi>{visible(namespace ? `${namespace}/${name}` : name)}</bdi>
        </Go>
        {meaning && <p class="meaning">{visible(meaning)}</p>}
        {refusal && <Refusal refusal={refusal} stale={state === 'stale'} />}
        {first && (
          <p class={`lint ${first.severity}`} title={findings.map(({ severity, problem }) => `${severity}: ${problem}`).join('\n')}>
            <b>{summed(findings)}</b>: {visible(first.problem)}
          </p>
        )}
      </th>
      <td data-title="State">
        <span class={`standing-of ${tone}`} title={about}>
          {word}
        </span>
      </td>
      {!only && (
        <td data-title="Selects" class="selects">
          {pods === 0 ? (
            <span class="quiet-text">{state === 'enforced' || state === 'stale' ? 'no pods' : ''}</span>
          ) : (
            <>
              <span class="number-of">{counted(pods, 'pod')}</span>
              <span class="few">
                {workloads.map((workload) => (
                  <WorkloadLink key={workload} name={workload} />
                ))}
                {workloads_hidden > 0 && <span class="quiet-text">and {workloads_hidden} more</span>}
              </span>
            </>
          )}
        </td>
      )}
      <td data-title="Decisions" class={`number ${entry.decisions === 0 ? 'quiet-text' : ''}`}>
        {hits(entry, kernel)}
      </td>
      {!only && <td data-title="Rate" class="number">{pace(entry)}</td>}
      {!only && <td data-title="Open" class="number">{state === 'refused' ? '' : whole(open)}</td>}
      <td data-title="Last hit" class="number" title={last === undefined ? 'None of the connections in memory was decided by it' : stamp(last)}>
        {last === undefined ? '' : clock(last, 1000)}
      </td>
      {!only && (
        <td data-title="Never hit" class={`number${never_hit > 0 ? ' warn-text' : ''}`}>
          {rules === 0 ? '' : `${never_hit} of ${rules}`}
        </td>
      )}
    </tr>
  );
}

function Without({ direction, of, pods }: { direction: string; of: Uncovered; pods: number }) {
  return (
    <details class={`without${of.pods > 0 ? ' some' : ''}`}>
      <summary>
        <b>{whole(of.pods)}</b> of {counted(pods, 'pod')} <span class="quiet-text">without a policy for {direction}</span>
      </summary>
      {of.workloads.length === 0 ? (
        <p class="quiet-text">Each pod's {direction} is restricted by a policy.</p>
      ) : (
        <ul>
          {of.workloads.map(({ name, pods }) => (
            <li key={name}>
              <WorkloadLink name={name} /> <span class="quiet-text">{pods > 1 ? counted(pods, 'pod') : ''}</span>
            </li>
          ))}
          {of.hidden > 0 && <li class="quiet-text">and {whole(of.hidden)} more</li>}
        </ul>
      )}
    </details>
  );
}

function Coverage({ coverage: { pods, workloads, ingress, egress } }: { coverage: PolicyCoverage }) {
  return (
    <div class="coverage" role="group" aria-label="Coverage">
      <p class="quiet-text">
        {counted(workloads, 'workload')}, {counted(pods, 'pod')}
      </p>
      <Without direction="ingress" of={ingress} pods={pods} />
      <Without direction="egress" of={egress} pods={pods} />
    </div>
  );
}

function Table({ list, order }: { list: PolicyList; order: string }) {
  const kernel = list.counted === 'kernel';
  const columns = kernel ? COLUMNS : COLUMNS.filter(({ name }) => ['policy', 'state', 'decisions', 'last'].includes(name));
  return (
    <table>
      <thead>
        <tr>
          {columns.map((column) => (
            <th scope="col" key={column.name} aria-sort={sorted(order, column.name)} class={column.number && column.name !== 'state' && column.name !== 'pods' ? 'number' : ''}>
              <button title={column.about} onClick={() => go({ order: reordered(order, column) }, true)}>
                {column.title}
                <span class="arrow" aria-hidden="true">
                  {{ ascending: ' ↑', descending: ' ↓', none: '' }[sorted(order, column.name) ?? 'none']}
                </span>
              </button>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {list.policies.map((entry) => (
          <Line key={entry.policy} entry={entry} kernel={kernel} only={!kernel} />
        ))}
      </tbody>
    </table>
  );
}

function Search() {
  const field = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const { words } = view.value;
  useEffect(() => {
    // The browser's back changes it, too.
    if (field.current && document.activeElement !== field.current) field.current.value = words;
  }, [words]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <input
      type="search"
      class="search"
      ref={field}
      defaultValue={words}
      placeholder="Filter: words"
      aria-label="Only policies with these words"
      onInput={(event) => {
        const text = event.currentTarget.value;
        clearTimeout(timer.current);
        timer.current = setTimeout(() => go({ words: text.trim() }, true), TYPED);
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.preventDefault();
        event.currentTarget.blur();
      }}
    />
  );
}

export function PoliciesView() {
  const { words, order, policy } = view.value;
  const { answer: list, error } = useAnswer('/api/policies', { words, sort: order }, AGAIN);
  // While another question is asked the last answer stays.
  const last = useRef<PolicyList | null>(null);
  if (list) last.current = list;
  const shown = last.current;
  const lines = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' || event.key === 'j' ? 1 : event.key === 'ArrowUp' || event.key === 'k' ? -1 : 0;
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = [...(lines.current?.querySelectorAll<HTMLAnchorElement>('tbody .name') ?? [])];
    const here = all.findIndex((each) => each === document.activeElement || each.closest('tr')?.contains(document.activeElement));
    all[Math.max(0, Math.min(all.length - 1, here + step))]?.focus();
    event.preventDefault();
  };
  useEffect(() => {
    tableKeys.current = move;
    return () => (tableKeys.current = null);
  }, []);
  const broken = shown?.policies.filter(({ state }) => state === 'refused' || state === 'stale').length ?? 0;
  return (
    <>
      <section class="policies" aria-label="Policies" aria-busy={hidden.value || !shown}>
        <div class="tablehead">
          <h2>Policies</h2>
          <p class="quiet-text">
            {shown && (words ? `${whole(shown.policies.length + shown.hidden)} of ${whole(shown.all)}` : whole(shown.all))}
            {broken > 0 && (
              <>
                , <b class="bad-text">{whole(broken)} refused</b>
              </>
            )}
          </p>
          <Search />
        </div>
        {error && (
          <p class="error-text inset" role="alert">
            {error}
          </p>
        )}
        {!shown && !error && (
          <div class="nothing">
            <p>Asking the server…</p>
          </div>
        )}
        {shown && (
          <div class="scroll" id="flows" tabIndex={-1} ref={lines} onKeyDown={move}>
            {shown.why && <p class="instead">{visible(shown.why)}</p>}
            {shown.notes.map((note) => (
              <p class="instead" key={note}>
                {visible(note)}
              </p>
            ))}
            {shown.coverage && <Coverage coverage={shown.coverage} />}
            {shown.refused.map((refusal) => (
              <p class="refusal" key={`${refusal.place} ${refusal.problem}`}>
                <b>Refused</b>: <code>{visible(refusal.place)}</code> {visible(refusal.problem)} <span class="quiet-text">{visible(refusal.remedy)}</span>
              </p>
            ))}
            {shown.policies.length > 0 ? (
              <Table list={shown} order={order} />
            ) : (
              <div class="nothing">
                <p>{shown.all > 0 ? `None of ${counted(shown.all, 'policy').replace('policys', 'policies')} has “${words}”.` : shown.counted === 'kernel' ? 'No policy is in force: everything is allowed.' : 'No connection in memory names a policy.'}</p>
              </div>
            )}
            {shown.hidden > 0 && <p class="quiet-text more">and {whole(shown.hidden)} more: narrow the filter to see them</p>}
            {shown.connections_since !== undefined && shown.policies.length > 0 && (
              <p class="quiet-text more">Last hits are those of the connections in memory, which began since {clock(shown.connections_since, 1000)}.</p>
            )}
          </div>
        )}
      </section>
      {policy !== null && <PolicyPanel policy={policy} key={policy} />}
    </>
  );
}
