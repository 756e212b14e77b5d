// All about one flow: how it was judged and why, what would allow it, every field, and the message.

import { useEffect, useState } from 'preact/hooks';
import { ask, said } from '../api';
import { clock, inZone, safeJson, visible } from '../format';
import { Icon, VerdictMark } from '../icons';
import { negated, withFilter } from '../filter/terms';
import { fetchOlder, fetching, olderError } from '../older';
import { Go, policyPage, workloadPage } from '../link';
import { copy, go, status, view } from '../state';
import { policyIn, workloadOf } from '../workload/name';
import type { Details, Explanation, Fact, Row } from '../openapi';
import type { View } from '../url';
import { judgedWord } from '../verdict';
import { happened, useComing } from './coming';
import { Head } from './head';
import { Request } from './requests';
import { Why } from './why';

export const GROUPS: { group: Fact['group']; title: string }[] = [
  { group: 'source', title: 'Source' },
  { group: 'destination', title: 'Destination' },
  { group: 'policy', title: 'Policy' },
  { group: 'connection', title: 'Connection' },
  { group: 'flow', title: 'Packet' },
  { group: 'observed', title: 'Observed' },
];

function Text({ text, page }: { text: string; page: Partial<View> | null }) {
  if (!page) return <>{visible(text)}</>;
  return (
    <Go to={page} class="link-text">
      {visible(text)}
    </Go>
  );
}

/** The page of the workload, pod or policy that a fact names. */
function pageOf(group: Fact['group'], text: string, term: string | undefined): Partial<View> | null {
  const workload = term === undefined ? null : workloadOf(term);
  if (workload !== null) return workloadPage(workload);
  const policy = group === 'policy' ? policyIn(text) : null;
  return policy === null ? null : policyPage(policy);
}

export function Facts({ facts }: { facts: Fact[] }) {
  const add = (term: string) => go({ filters: withFilter(view.value.filters, term) });
  return (
    <dl class="fields">
      {facts.map(({ group, name, text, term }) => (
        <div key={`${name} ${text}`}>
          <dt>{name}</dt>
          <dd>
            <bdi class="value">
              <Text text={text} page={pageOf(group, text, term)} />
            </bdi>
            {term && (
              <span class="ops">
                <button onClick={() => add(term)} title={`Only ${term}`} aria-label={`Only ${term}`}>
                  =
                </button>
                <button onClick={() => add(negated(term))} title={`Not ${term}`} aria-label={`Not ${term}`}>
                  ≠
                </button>
              </span>
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}

export function Events({ rows, columns, flow }: { rows: Row[]; columns: string[]; flow: string | undefined }) {
  const place = (name: string) => columns.indexOf(name);
  const cell = (row: Row, name: string) => row.cells[place(name)] ?? '';
  return (
    <ol class="connection">
      {rows.map((row) => (
        <li key={row.seq}>
          <button aria-current={row.id === flow ? 'true' : undefined} onClick={() => go({ flow: row.id ?? null }, true)}>
            <time>{clock(row.time)}</time>
            <span>{cell(row, 'type')}</span>
            <VerdictMark verdict={row.verdict} />
            <span class="quiet-text">{cell(row, 'reason')}</span>
          </button>
        </li>
      ))}
    </ol>
  );
}

/** A flow that isn't held: it may be in the servers' history. */
export function Missing({ flow, why, again }: { flow: string; why: string; again: () => void }) {
  const held = status.value?.held;
  const time = happened(flow);
  const before = held?.oldest !== undefined && time > 0 && time < held.oldest;
  return (
    <div class="missing" role="alert">
      <p class="error-text">{inZone(why)}</p>
      {before && held.older === 'begins' && <p class="quiet-text">The servers have no older flows either.</p>}
      {before && held.older === 'full' && <p class="quiet-text">No room for older flows: start flows-ui with a larger --capacity.</p>}
      {before && held.older === 'more' && (
        <button class="small" disabled={fetching.value} onClick={() => void fetchOlder(new Date(time).toISOString()).then(again)}>
          {fetching.value ? 'Fetching older flows…' : "Search the servers' history"}
        </button>
      )}
      {olderError.value && <p class="error-text">{olderError.value}</p>}
    </div>
  );
}

export function Drawer({ flow }: { flow: string }) {
  const [details, setDetails] = useState<Details | null>(null);
  const [why, setWhy] = useState<Explanation | null>(null);
  const [error, setError] = useState('');
  const [tries, setTries] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    const { signal } = abort;
    if (tries === 0) setError('');
    ask('/api/flows/{flow}', { flow }, signal).then(
      (details) => (setDetails(details), setError('')),
      (error: unknown) => signal.aborted || setError(said(error)),
    );
    ask('/api/flows/{flow}/explain', { flow }, signal).then(setWhy, (error: unknown) =>
      signal.aborted ? undefined : setWhy({ available: false, why: said(error) }),
    );
    return () => abort.abort();
  }, [flow, tries]);
  const coming = useComing(flow, error !== '', tries, () => setTries(tries + 1));
  const back = view.value.connection;
  const close = () => {
    go({ flow: null, connection: null });
    document.getElementById('flows')?.focus();
  };
  const cell = (name: string) => details?.row.cells[details.columns.indexOf(name)] ?? '';
  const json = details ? safeJson(details.extension ? { ...details.flow, extension: details.extension } : details.flow) : '';
  return (
    <aside class="drawer" aria-labelledby="drawer-title">
      <Head
        time={details?.row.time}
        close={close}
        before={
          back !== null && (
            <button class="quiet" onClick={() => go({ flow: null }, true)} title="Back to the connection">
              <Icon name="before" /> Connection
            </button>
          )
        }
      >
        {details ? <VerdictMark verdict={details.row.verdict} says={judgedWord(details.request?.judged)} loud /> : 'Flow'}
      </Head>
      {error && !coming && <Missing flow={flow} why={error} again={() => setTries(tries + 1)} />}
      {details && (
        <div class="body">
          <p class="ends">
            <bdi class="end">{visible(cell('source').replace(/ (->|<-|<>)$/, ''))}</bdi>
            <span class="arrow" aria-label={cell('source').endsWith('<-') ? 'from' : 'to'}>
              {cell('source').endsWith('<-') ? '←' : '→'}
            </span>
            <bdi class="end">{visible(cell('destination'))}</bdi>
          </p>
          {cell('reason') && !details.request && (
            <p class="reason">
              {cell('reason')}
              {cell('policy') && !why?.answer && <span class="quiet-text"> · {cell('policy')}</span>}
            </p>
          )}
          {details.request ? (
            <Request flow={details.row.id ?? flow} request={details.request} inDenied={view.value.panel === 'denied' && back === null} explained={why?.answer !== undefined}>
              <Why explanation={why} row={details.row} policy={details.request.judged === 'DENIED'} />
            </Request>
          ) : (
            <Why explanation={why} row={details.row} policy={/^(Policy denied|Denied by|$)/.test(cell('reason'))} />
          )}
          {GROUPS.map(({ group, title }) => {
            const facts = details.facts.filter((fact) => fact.group === group);
            return (
              facts.length > 0 && (
                <section key={group}>
                  <h3>{title}</h3>
                  <Facts facts={facts} />
                </section>
              )
            );
          })}
          {details.connection.length > 1 && (
            <section>
              <h3>Flows of this connection</h3>
              <Events rows={details.connection} columns={details.columns} flow={details.row.id} />
            </section>
          )}
          <section>
            <details>
              <summary>JSON</summary>
              <button class="small" onClick={() => void copy(json, 'JSON')}>
                <Icon name="copy" />
                Copy
              </button>
              <pre tabIndex={0}>{json}</pre>
            </details>
          </section>
        </div>
      )}
    </aside>
  );
}
