// Why a flow was denied (or allowed): each policy that selected the end, what each rule wanted and
// did not get, and the least that would allow it.

import { Icon, VerdictMark } from '../icons';
import { inZone, rulePath, visible } from '../format';
import { edit, trySuggestion } from '../editor/draft';
import { PolicyLink } from '../link';
import { copy } from '../state';
import type { Explanation, InvolvedPolicy, Judgement, PolicyFinding, RequestJudgement, Row, RuleFinding } from '../openapi';
import { Yaml } from './yaml';

export function Why({ explanation, row, policy }: { explanation: Explanation | null; row: Row; policy: boolean }) {
  const dropped = row.verdict === 'DROPPED';
  // Only a policy denies; what else drops a packet no rule would let through.
  const denied = dropped && policy && !explanation?.answer?.not_policy;
  const title = denied ? 'Why denied' : dropped ? 'Why dropped' : 'Why';
  if (!explanation) {
    return (
      <section class="why" aria-busy="true">
        <h3>{title}</h3>
        <p class="quiet-text">Querying the server…</p>
      </section>
    );
  }
  if (!explanation.available || !explanation.answer) {
    return (
      <section class="why">
        <h3>{title}</h3>
        <p class="quiet-text">{explanation.why ?? 'The server gave no explanation.'}</p>
      </section>
    );
  }
  const { headline, recorded, now, differs, changes = [], policies = [], command, notes = [], node_name, revision } = explanation.answer;
  const suggestions = dropped && !denied ? [] : (now?.suggestions ?? []);
  return (
    <section class={`why${dropped ? ' denied' : ''}`}>
      <h3>{title}</h3>
      {headline && <p class="headline">{visible(inZone(headline))}</p>}
      {recorded?.text && !headline?.includes(recorded.text) && <p class="quiet-text">{recorded.text}</p>}
      {differs && (
        <div class="differs">
          <p>
            <b>The verdict would be different now</b>
            {now?.verdict ? `: ${now.verdict.toLowerCase()}.` : '.'}
          </p>
          {changes.map((text) => <p key={text}>{visible(inZone(text))}</p>)}
        </div>
      )}
      {now && (denied || !dropped) && <Sides egress={now.egress} ingress={now.ingress} source={now.source?.name} destination={now.destination?.name} />}
      {suggestions.length > 0 && (
        <>
          <h4>What would allow it</h4>
          {suggestions.map(({ policy, text = '', yaml = '' }) => (
            <div class="suggestion" key={text + yaml}>
              <p>{text}</p>
              {yaml && (
                <Yaml
                  text={yaml}
                  what="The rule"
                  edit={{ says: 'Try in editor', run: (yaml) => trySuggestion({ text, yaml }, policies.find((one) => one.policy === policy && one.yaml)?.yaml) }}
                />
              )}
            </div>
          ))}
        </>
      )}
      {policies.length > 0 && (
        <>
          <h4>Policies involved</h4>
          {policies.map((policy) => <Involved key={policy.policy} {...policy} />)}
        </>
      )}
      {command && (
        <div class="command">
          <code>{visible(command)}</code>
          <button class="quiet" onClick={() => void copy(command, 'The command')} aria-label="Copy the command" title="Copy">
            <Icon name="copy" />
          </button>
        </div>
      )}
      {notes.map((text) => (
        <p class="quiet-text" key={text}>
          {text}
        </p>
      ))}
      {node_name && (
        <p class="quiet-text small-text">
          Answered by node {node_name}
          {revision ? ` at revision ${revision}` : ''}.
        </p>
      )}
    </section>
  );
}

function Sides({ egress, ingress, source, destination }: { egress: Judgement | undefined; ingress: Judgement | undefined; source: string | undefined; destination: string | undefined }) {
  return (
    <ol class="sides">
      {egress && <SideOf title={`Egress at ${source ?? 'the source'}`} judgement={egress} />}
      {ingress && <SideOf title={`Ingress at ${destination ?? 'the destination'}`} judgement={ingress} />}
    </ol>
  );
}

function SideOf({ title, judgement }: { title: string; judgement: Judgement }) {
  const { verdict, text, policies = [], request } = judgement;
  // The connection may be allowed where the request isn't.
  const denied = verdict === 'DROPPED' || (request !== undefined && !request.allowed);
  return (
    <li class={denied ? 'bad' : 'good'}>
      <p class="title">
        <span>{title}</span>
        {/* What a policy says is not yet what becomes of the packet. */}
        <VerdictMark verdict={denied ? 'DROPPED' : verdict} says={denied ? 'Denied' : 'Allowed'} />
      </p>
      {request && <Requested request={request} />}
      {text && <p class="quiet-text">{request ? `The connection: ${text}` : text}</p>}
      {policies.map((finding) => <Finding key={finding.policy} {...finding} />)}
    </li>
  );
}

/** The rule of layer 7 that allows a request, or the one that comes nearest and what first doesn't fit it. */
function Requested({ request: { allowed = false, rule, failed, text } }: { request: RequestJudgement }) {
  if (!rule) return <p>{visible(text ?? '')}</p>;
  return (
    <div class="finding">
      <p>
        {allowed ? 'Allowed by a rule of layer 7 of' : 'No rule of layer 7 allows it; the nearest is of'} <b>{`${rule.namespace ? `${rule.namespace}/` : ''}${rule.name ?? ''}`}</b>
      </p>
      <ul>
        <li class={allowed ? 'matched' : 'unmatched'}>
          <p>
            <span class="sign" aria-label={allowed ? 'matches' : 'does not match'}>
              {allowed ? '✓' : '✕'}
            </span>
            <code>{rulePath(rule.path)}</code> allows {visible(rule.text ?? '')}
          </p>
          {failed && !allowed && (
            <p class="failed">
              <span>{visible(failed)}</span>
            </p>
          )}
        </li>
      </ul>
    </div>
  );
}

function Finding({ policy, place, default_deny, rules = [] }: PolicyFinding) {
  return (
    <div class="finding">
      <p>
        <b>{policy ? <PolicyLink policy={policy} /> : ''}</b> selects it{default_deny ? ', default deny' : ''}
        {place && <span class="place"> {place}</span>}
      </p>
      <ul>
        {rules.map((rule) => <Rule key={rulePath(rule.path)} {...rule} />)}
        {rules.length === 0 && <li class="quiet-text">It has no rules for this direction.</li>}
      </ul>
    </div>
  );
}

function Rule({ path, deny, text, matched, failed = [] }: RuleFinding) {
  const first = failed[0];
  return (
    <li class={matched ? 'matched' : 'unmatched'}>
      <p>
        <span class="sign" aria-label={matched ? 'matches' : 'does not match'}>
          {matched ? '✓' : '✕'}
        </span>
        <code>{rulePath(path)}</code> {deny ? 'denies' : 'allows'} {text}
      </p>
      {first && (
        <p class="failed">
          <span>{first}</span>
          {failed.length > 1 && <span class="quiet-text"> and {failed.length - 1} more</span>}
        </p>
      )}
    </li>
  );
}

function Involved({ policy, decided, in_force, stale, place, yaml, meaning, version, present_version }: InvolvedPolicy) {
  const notes = [
    decided ? 'decided this flow' : 'selects an end',
    ...(in_force ? [] : [present_version ? `changed since: version ${version} decided, version ${present_version} is enforced now` : 'no longer enforced']),
    ...(stale ? ['the current version is refused; the last good one stays enforced'] : []),
  ];
  return (
    <details class="policy">
      <summary>
        <b>{policy}</b> <span class="quiet-text">{notes.join('; ')}</span>
      </summary>
      {meaning && <p>{meaning}</p>}
      {place && <p class="place">{place}</p>}
      {yaml ? <Yaml text={yaml} what="The policy" edit={{ says: 'Edit a copy', run: (text) => edit(`${text}\n`) }} /> : <p class="quiet-text">Its manifest no longer exists.</p>}
    </details>
  );
}
