// The page of a workload, or a pod: its pods, whom it connects with, what is denied, and what policies make of it.

import { useAnswer } from '../answer';
import { clock, counted, stamp, visible, whole } from '../format';
import { connectionsOf, Go, PolicyLink, WorkloadLink } from '../link';
import { changes, go, view } from '../state';
import type { Change, Enforced, Incident, Restriction, Workload, WorkloadPod } from '../openapi';
import '../style/policies.css';
import '../style/workload.css';
import { VerdictMark } from '../icons';
import { standing } from '../denied/incident';
import { judgedWord } from '../verdict';
import { PeerTable } from './peers';
import { ReachTables } from './reach';

/** Between two looks, ms. */
const AGAIN = 5000;

function Pods({ pods, hidden }: { pods: readonly WorkloadPod[]; hidden: number }) {
  return (
    <section aria-label="Pods">
      <h3>{counted(pods.length + hidden, 'pod')}</h3>
      <div class="wide" tabIndex={0} role="region" aria-label="Table of pods">
        <table>
          <thead>
            <tr>
              <th scope="col">Pod</th>
              <th scope="col">Node</th>
              <th scope="col">Addresses</th>
              <th scope="col" class="number">Identity</th>
              <th scope="col">State</th>
            </tr>
          </thead>
          <tbody>
            {pods.map(({ name, node, addresses, state, identity }) => (
              <tr key={name}>
                <th scope="row">
                  <WorkloadLink name={name} />
                </th>
                <td>{visible(node)}</td>
                <td>{addresses.join(', ')}</td>
                <td class="number">{identity ?? ''}</td>
                <td class={state === 'up' ? '' : 'warn-text'}>{state}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {hidden > 0 && <p class="quiet-text">and {whole(hidden)} more</p>}
    </section>
  );
}

function Restricted({ direction, of }: { direction: string; of: Restriction }) {
  return (
    <p class={`restriction ${of.restricted ? 'yes' : 'no'}`}>
      <b>{direction}</b>:{' '}
      {of.policies.length > 0 ? (
        <>
          default deny by{' '}
          {of.policies.map((policy, at) => (
            <span key={policy}>
              {at > 0 && ', '}
              <PolicyLink policy={policy} />
            </span>
          ))}
        </>
      ) : (
        visible(of.text)
      )}
    </p>
  );
}

function Policies({ of }: { of: Enforced }) {
  const { ingress, egress, policies, labels, pods, identity } = of;
  const others = policies.filter((policy) => !ingress.policies.includes(policy) && !egress.policies.includes(policy));
  return (
    <div class="enforced">
      <p class="quiet-text">
        <bdi>{visible(pods)}</bdi>
        {identity !== undefined && ` · identity ${identity}`}
      </p>
      <Restricted direction="Ingress" of={ingress} />
      <Restricted direction="Egress" of={egress} />
      {others.length > 0 && (
        <p>
          Also selected by{' '}
          {others.map((policy, at) => (
            <span key={policy}>
              {at > 0 && ', '}
              <PolicyLink policy={policy} />
            </span>
          ))}
        </p>
      )}
      {labels.length > 0 && (
        <ul class="tags labels" aria-label="Labels">
          {labels.map((label) => (
            <li key={label}>
              <code>{visible(label)}</code>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function end({ namespace, name }: { namespace: string; name: string }): string {
  return namespace ? `${namespace}/${name}` : name;
}

function Denied({ incidents, hidden }: { incidents: readonly Incident[]; hidden: number }) {
  return (
    <section aria-label="Denied">
      <h3>Denied</h3>
      {incidents.length === 0 ? (
        <p class="quiet-text">Nothing of its connections in memory is denied.</p>
      ) : (
        <ul class="denials">
          {incidents.map((incident) => {
            const { id, status, source, destination, port, why, request, drops, last, newest, judged } = incident;
            return (
              <li key={id} class={status}>
                <Go to={request ? { flow: newest, connection: null } : { connection: newest, flow: null }} class="denial">
                  <span class={status === 'ongoing' ? 'bad-text' : 'quiet-text'}>{standing(incident)}</span>
                  <b>
                    <bdi>{visible(end(source))}</bdi> → <bdi>{visible(end(destination))}</bdi>
                    {port && (/^\d/.test(port) ? `:${port}` : ` ${port}`)}
                  </b>
                  <VerdictMark verdict="DROPPED" says={judgedWord(judged)} />
                  <span>{visible(why)}</span>
                  <span class="quiet-text" title={stamp(last)}>
                    {counted(drops, request ? 'request' : 'drop')}, last {clock(last, 1000)}
                  </span>
                </Go>
              </li>
            );
          })}
          {hidden > 0 && <li class="quiet-text">and {whole(hidden)} more</li>}
        </ul>
      )}
    </section>
  );
}

function Changes({ list, why }: { list: readonly Change[]; why: string | undefined }) {
  return (
    <section aria-label="Changes">
      <h3>Recent changes that can concern it</h3>
      {why && <p class="quiet-text">{visible(why)}</p>}
      {!why && list.length === 0 && <p class="quiet-text">None is recorded.</p>}
      <ul class="concerns">
        {[...list].reverse().map(({ time, object, kind, action, summary, concerns, revision }) => (
          <li key={`${time} ${object} ${summary}`}>
            <time title={stamp(time)}>{clock(time, 1000)}</time> {kind.endsWith('Policy') ? <PolicyLink policy={object} /> : <bdi>{visible(object)}</bdi>} {visible(summary || action)}
            <span class="quiet-text">
              {concerns && ` · ${visible(concerns)}`} · revision {revision}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Body({ of }: { of: Workload }) {
  const { name, why, pods, pods_hidden, enforcement, inbound, inbound_hidden, outbound, outbound_hidden, connections, since, more, term, notes } = of;
  const mark = changes.value.at(-1)?.time;
  const denied = useAnswer('/api/incidents', { filter: [term] }, AGAIN);
  const pod = pods[0]?.name;
  const concerns = useAnswer('/api/changes', pod === undefined ? null : { pod }, 0, mark);
  return (
    <div class="page-body">
      {[...(why ? [why] : []), ...notes].map((note) => (
        <p class="instead" key={note}>
          {visible(note)}
        </p>
      ))}
      <div class="columns">
        {pods.length > 0 && <Pods pods={pods} hidden={pods_hidden} />}
        {enforcement.length > 0 && (
          <section aria-label="Policies that select it">
            <h3>Policies that select it</h3>
            {enforcement.map((of) => (
              <Policies key={of.pods} of={of} />
            ))}
          </section>
        )}
      </div>
      {denied.answer && <Denied incidents={denied.answer.incidents} hidden={denied.answer.hidden} />}
      <p class="quiet-text">
        {counted(connections, 'connection')} in memory
        {since !== undefined && ` since ${clock(since, 1000)}`}
        {more && '; older ones are not counted'}
      </p>
      <div class="columns">
        <PeerTable title="Who connects to it" peers={inbound} hidden={inbound_hidden} none="No connection to it is in memory." />
        <PeerTable title="Whom it connects to" peers={outbound} hidden={outbound_hidden} none="It opened no connection that is in memory." />
      </div>
      <ReachTables name={name} mark={mark} />
      {pod !== undefined && concerns.answer && <Changes list={concerns.answer.changes} why={concerns.answer.why} />}
    </div>
  );
}

export function WorkloadView() {
  const name = view.value.workload;
  const { answer, error } = useAnswer('/api/workload', name === null ? null : { name }, AGAIN, changes.value.at(-1)?.time);
  return (
    <section class="workload-page" aria-label="Workload">
      <div class="tablehead">
        <h2>
          <bdi>{visible(name ?? 'Workload')}</bdi>
        </h2>
        {answer && (
          <p class="actions">
            <Go to={connectionsOf(answer.term)} class="small">
              Its connections
            </Go>
            <Go to={{ ...connectionsOf(answer.term), panel: 'denied' }} class="small">
              Denied
            </Go>
            <Go to={{ ...connectionsOf(answer.term), panel: 'map' }} class="small">
              Map
            </Go>
          </p>
        )}
      </div>
      <div class="scroll" id="flows" tabIndex={-1}>
        {error && (
          <p class="error-text inset" role="alert">
            {error}
          </p>
        )}
        {name === null && (
          <div class="nothing">
            <p>No workload is chosen: open one from the map, a row's menu or the list of policies.</p>
            <button class="small" onClick={() => go({ panel: 'map' })}>
              Map
            </button>
          </div>
        )}
        {name !== null && !answer && !error && (
          <div class="nothing">
            <p>Asking the server…</p>
          </div>
        )}
        {answer && <Body of={answer} key={answer.name} />}
      </div>
    </section>
  );
}
