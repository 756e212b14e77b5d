// Requests of layer 7: the latest that a connection carried, and one by itself with why it was denied.

import { AcknowledgePanel } from '../denied/acknowledge';
import { chosen, openIncident } from '../denied/acknowledged';
import { standing } from '../denied/incident';
import { clock, counted, latency, visible } from '../format';
import { VerdictMark } from '../icons';
import { go } from '../state';
import type { AboutRequest, CarriedRequest, CarriedRequests } from '../openapi';
import { became } from './became';

function Entry({ request }: { request: CarriedRequest }) {
  const { time, flow, verdict, asked, latency: took, policies, reason } = request;
  return (
    <li class={verdict === 'DROPPED' ? 'bad' : ''}>
      <button onClick={() => go({ flow }, true)} title={visible(asked)}>
        <span class="asked">
          <time>{clock(time)}</time> <bdi>{visible(asked)}</bdi>
        </span>
        <span class="became">
          <VerdictMark verdict={verdict} says={visible(became(request))} />
          {took !== undefined && verdict !== 'DROPPED' && <span> {latency(took)}</span>}
        </span>
        <span class="quiet-text rule">{visible(reason || policies)}</span>
      </button>
    </li>
  );
}

/** The latest requests of a connection. */
export function Requests({ requests, carried }: { requests: CarriedRequest[]; carried: CarriedRequests | undefined }) {
  if (requests.length === 0) return null;
  const older = (carried?.total ?? 0) - requests.length;
  return (
    <section class="carried">
      <h3>Requests of this connection</h3>
      {older > 0 && <p class="quiet-text small-text">{counted(older, 'older one')}, then:</p>}
      <ol>
        {requests.map((request) => (
          <Entry key={request.flow} request={request} />
        ))}
      </ol>
    </section>
  );
}

/** What was asked, what became of it and why, on which connection, and the incident that it belongs to. */
export function Request({ flow, request, inDenied }: { flow: string; request: AboutRequest; inDenied: boolean }) {
  const { asked, judged, judged_at, policies, reason, connection, incident } = request;
  const denied = judged === 'DENIED';
  return (
    <>
      <section class="why request">
        <h3>{denied ? 'Why denied' : 'Request'}</h3>
        <p class="headline">
          <bdi>{visible(asked)}</bdi>
        </p>
        <p>
          {denied ? 'No rule allows it' : 'Allowed'}
          {judged_at && ` at the ${judged_at === 'EGRESS' ? 'source' : 'destination'}`}
          {policies && (
            <>
              {denied ? '; the nearest is of ' : ' by '}
              <b>{visible(policies)}</b>
            </>
          )}
          .
        </p>
        {reason && <p class="failed">{visible(reason)}</p>}
        {connection !== undefined && (
          <button class="small" onClick={() => go({ connection, flow: null })}>
            Its connection
          </button>
        )}
      </section>
      {inDenied && openIncident.value && <AcknowledgePanel incident={openIncident.value} key={openIncident.value.id} />}
      {incident && !inDenied && (
        <section class="past">
          <h3>Incident</h3>
          <p>
            <b>{standing(incident)}</b>: {counted(incident.drops, 'request')} denied, {clock(incident.since, 1000)} – {clock(incident.last, 1000)}
          </p>
          <button
            class="small"
            onClick={() => {
              chosen.value = { id: incident.id, connection: flow };
              go({ panel: 'denied', connection: null, flow });
            }}
          >
            Show among what is denied
          </button>
        </section>
      )}
    </>
  );
}
