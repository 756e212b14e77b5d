// All about one connection: what became of it, what both ends decided, since when and why it is denied,
// what would allow it, and its events.

import { useEffect, useState } from 'preact/hooks';
import { ask, said } from '../api';
import { AcknowledgePanel } from '../denied/acknowledge';
import { openIncident } from '../denied/acknowledged';
import { clock, inZone, visible } from '../format';
import { Icon, VerdictMark } from '../icons';
import { copy, go, hidden, status, stream, view } from '../state';
import type { ConnectionDetails, ConnectionEnd, Explanation, Past } from '../openapi';
import { judgedWord } from '../verdict';
import { useComing } from './coming';
import { Events, Facts, GROUPS, Missing } from './drawer';
import { Head } from './head';
import { Requests } from './requests';
import { Why } from './why';

/** Between two looks at a connection that may still become something else, ms. */
const AGAIN = 2000;
/** What becomes nothing else but older. */
const FINAL = ['no answer', 'refused', 'reset', 'closed'];

function End({ direction, name, verdict, text, node }: ConnectionEnd) {
  return (
    <li class={verdict === 'DROPPED' ? 'bad' : verdict ? 'good' : 'silent'}>
      <p class="title">
        <span>
          {direction === 'EGRESS' ? 'Egress' : 'Ingress'} at {visible(name)}
        </span>
        {verdict && <VerdictMark verdict={verdict} says={verdict === 'DROPPED' ? 'Denied' : 'Allowed'} />}
      </p>
      {text && <p>{visible(text)}</p>}
      {node && <p class="quiet-text small-text">Node {visible(node)}</p>}
    </li>
  );
}

/** Since when it is so, and what lies between. */
function Since({ past: { worked, denied_since, changes, command } }: { past: Past }) {
  return (
    <section class="past">
      <h3>Since when</h3>
      <p>
        {worked === undefined ? (
          <>Denied since {clock(denied_since, 1000)}; no connection between them was allowed in the flows in memory.</>
        ) : (
          <>
            Worked until <b>{clock(worked, 1000)}</b>, denied since <b>{clock(denied_since, 1000)}</b>
            {changes.length > 0 ? '. Changed between:' : '.'}
          </>
        )}
      </p>
      {changes.length > 0 && (
        <ul>
          {changes.map(({ time, object, action, summary, revision }) => (
            <li key={`${time} ${object} ${summary}`}>
              <time>{clock(time, 1000)}</time> <b>{visible(object)}</b> {visible(summary || action)}
              <span class="quiet-text"> (revision {revision})</span>
            </li>
          ))}
        </ul>
      )}
      {command && (
        <>
          <p class="quiet-text">{changes.length === 1 ? 'Whether that is the cause is proven by:' : changes.length > 1 ? 'Which of them is the cause is proven by:' : 'To look for the change that is the cause:'}</p>
          <div class="command">
            <code>{visible(command)}</code>
            <button class="quiet" onClick={() => void copy(command, 'The command')} aria-label="Copy the command that finds the cause" title="Copy">
              <Icon name="copy" />
            </button>
          </div>
        </>
      )}
    </section>
  );
}

export function ConnectionDrawer({ connection }: { connection: string }) {
  const [details, setDetails] = useState<ConnectionDetails | null>(null);
  const [why, setWhy] = useState<{ of: string; said: Explanation | null } | null>(null);
  const [error, setError] = useState('');
  const [tries, setTries] = useState(0);
  const { at } = view.value;
  // It is the same one when it is found to have begun a little earlier.
  const shown = details && details.row.id === connection ? details : null;
  useEffect(() => {
    const abort = new AbortController();
    ask('/api/connections/{connection}', { connection, at }, abort.signal).then(
      (details) => {
        setDetails(details);
        setError('');
        if (details.row.id !== undefined && details.row.id !== connection) go({ connection: details.row.id }, true);
      },
      (error: unknown) => abort.signal.aborted || setError(said(error)),
    );
    return () => abort.abort();
  }, [connection, at, tries]);
  // Of another drop of the same connection the answer is the same.
  const asked = shown && `${connection} ${shown.row.judged}`;
  useEffect(() => {
    if (asked === null || !shown) return;
    const abort = new AbortController();
    setWhy({ of: asked, said: null });
    ask('/api/flows/{flow}/explain', { flow: shown.flow }, abort.signal).then(
      (said) => setWhy({ of: asked, said }),
      (error: unknown) => abort.signal.aborted || setWhy({ of: asked, said: { available: false, why: said(error) } }),
    );
    return () => abort.abort();
  }, [asked]);
  const coming = useComing(connection, error !== '', tries, () => setTries(tries + 1));
  const goesOn = at === null && !hidden.value && stream.value.state === 'open' && status.value?.server.kind !== 'file' && shown !== null && !FINAL.includes(shown.state);
  useEffect(() => {
    if (!goesOn || coming) return;
    const timer = setTimeout(() => setTries(tries + 1), AGAIN);
    return () => clearTimeout(timer);
  }, [goesOn, coming, tries, connection]);
  const close = () => {
    go({ connection: null });
    document.getElementById('flows')?.focus();
  };
  const cell = (name: string) => shown?.row.cells[shown.columns.indexOf(name)] ?? '';
  const drops = /^x([\d,]+)$/.exec(cell('state'))?.[1];
  const carried = drops ? [`${drops} ${drops === '1' ? 'packet' : 'packets'}`] : [cell('bytes'), cell('rtt') && `round trip ${cell('rtt')}`, cell('age') && `for ${cell('age')}`].filter(Boolean);
  return (
    <aside class="drawer" aria-labelledby="drawer-title">
      <Head time={shown?.row.time} close={close}>
        {shown ? <VerdictMark verdict={shown.row.verdict} says={judgedWord(shown.row.judged)} loud /> : 'Connection'}
      </Head>
      {error && !coming && !shown && <Missing flow={connection} why={error} again={() => setTries(tries + 1)} />}
      {shown && (
        <div class="body">
          <p class="ends">
            <bdi class="end">{visible(cell('source').replace(/ (->|<-|<>)$/, ''))}</bdi>
            <span class="arrow" aria-label="to">
              →
            </span>
            <bdi class="end">{visible(cell('destination'))}</bdi>
          </p>
          <p class="reason">
            <b>{shown.state}</b>
            <span class="quiet-text">
              : {shown.about}
              {carried.map((text) => ` · ${text}`)}
            </span>
          </p>
          {shown.ends.length > 0 && (
            <ol class="sides">
              {shown.ends.map((end) => (
                <End key={end.direction} {...end} />
              ))}
            </ol>
          )}
          {openIncident.value && <AcknowledgePanel incident={openIncident.value} key={openIncident.value.id} />}
          {shown.past && <Since past={shown.past} />}
          <Requests requests={shown.requests} carried={shown.row.requests} alike={shown.alike} />
          <Why explanation={why?.of === asked ? (why?.said ?? null) : null} row={shown.row} policy={shown.row.judged === 'DENIED'} />
          {GROUPS.map(({ group, title }) => {
            const facts = shown.facts.filter((fact) => fact.group === group);
            return (
              facts.length > 0 && (
                <section key={group}>
                  <h3>{title === 'Packet' ? 'Deciding packet' : title}</h3>
                  <Facts facts={facts} />
                </section>
              )
            );
          })}
          <section>
            <h3>Events of this connection</h3>
            <Events rows={shown.events} columns={shown.event_columns} flow={undefined} />
            <p class="quiet-text small-text">{inZone(`What each node reported of its packets; the last one at ${clock(shown.last)}.`)}</p>
          </section>
        </div>
      )}
    </aside>
  );
}
