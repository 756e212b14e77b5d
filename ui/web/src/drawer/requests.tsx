// Requests of layer 7: the latest that a connection carried, and one by itself with why it was denied.

import type { ComponentChildren } from 'preact';
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

/** The latest requests of a connection, and of those that are one row with it. */
export function Requests({ requests, carried, alike }: { requests: CarriedRequest[]; carried: CarriedRequests | undefined; alike: number }) {
  if (requests.length === 0) return null;
  const older = alike > 1 ? 0 : (carried?.total ?? 0) - requests.length;
  return (
    <section class="carried">
      <h3>{alike > 1 ? `Latest requests of ${counted(alike, 'connection')} alike` : 'Requests of this connection'}</h3>
      {older > 0 && <p class="quiet-text small-text">{counted(older, 'older one')}, then:</p>}
      <ol>
        {requests.map((request) => (
          <Entry key={request.flow} request={request} />
        ))}
      </ol>
    </section>
  );
}

/** What was asked, what became of it, on which connection, and the incident that it belongs to. Why is what the children say or, if the server doesn't explain it, the flow itself. */
export function Request({ flow, request, inDenied, explained, children }: { flow: string; request: AboutRequest; inDenied: boolean; explained: boolean; children: ComponentChildren }) {
  const { asked, judged, judged_at, policies, reason, connection, incident } = request;
  const denied = judged === 'DENIED';
  return (
    <>
      <section class="why request">
        <h3>{denied ? 'Denied request' : 'Request'}</h3>
        <p class="headline">
          <bdi>{visible(asked)}</bdi>
        </p>
        <p>
          {denied ? 'No rule allows it' : 'Allowed'}
          {judged_at && ` at the ${judged_at === 'EGRESS' ? 'source' : 'destination'}`}
          {policies && !explained && (
            <>
              {denied ? '; the nearest is of ' : ' by '}
              <b>{visible(policies)}</b>
            </>
          )}
          .
        </p>
        {reason && !explained && <p class="failed">{visible(reason)}</p>}
        {connection !== undefined && (
          <button class="small" onClick={() => go({ connection, flow: null })}>
            Its connection
          </button>
        )}
      </section>
      {children}
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
