// The versions of a policy: since when each is in force, what it changed in words, and in its text.

import { counted, stamp, visible } from '../format';
import type { PolicyVersion } from '../openapi';

const SIGNS = { same: ' ', added: '+', removed: '−' };

function Changed({ version: { diff, diff_hidden } }: { version: PolicyVersion }) {
  return (
    <details>
      <summary>Text</summary>
      {/* Signs are words, too: colour alone says nothing. */}
      <pre class="diff" tabIndex={0}>
        {diff.map(({ header, lines }) => (
          <span key={header}>
            <span class="hunk">{header}{'\n'}</span>
            {lines.map(({ kind, text }, at) => (
              <span key={at} class={kind}>
                {SIGNS[kind]} {visible(text)}
                {'\n'}
              </span>
            ))}
          </span>
        ))}
      </pre>
      {diff_hidden > 0 && <p class="quiet-text">and {counted(diff_hidden, 'more line')}</p>}
    </details>
  );
}

export function Versions({ versions }: { versions: readonly PolicyVersion[] }) {
  return (
    <ol class="versions">
      {versions.map((version) => {
        const { number, time, revision, removed, summary, place, rules, diff } = version;
        return (
          <li key={`${number} ${time ?? 0} ${removed}`}>
            <p>
              <b>{removed ? 'Removed' : `v${number}`}</b>{' '}
              {time === undefined ? <span class="quiet-text">in force when recording began</span> : <time>{stamp(time)}</time>}
              {revision > 0 && <span class="quiet-text"> revision {revision}</span>}
            </p>
            {summary && <p>{visible(summary)}</p>}
            {rules.length > 0 && (
              <ul class="came">
                {rules.map(({ kind, text }) => (
                  <li key={`${kind} ${text}`} class={kind}>
                    {SIGNS[kind]} {visible(text)}
                  </li>
                ))}
              </ul>
            )}
            {place && <p class="place">{visible(place)}</p>}
            {diff.length > 0 && <Changed version={version} />}
          </li>
        );
      })}
    </ol>
  );
}
