// YAML to read and to copy.

import { Icon } from '../icons';
import { copy } from '../state';
import { parts } from './yamlparts';

export function Yaml({ text, what }: { text: string; what: string }) {
  return (
    <div class="yaml">
      <button class="quiet" onClick={() => void copy(text, what)} aria-label={`Copy: ${what.toLowerCase()}`} title="Copy">
        <Icon name="copy" />
      </button>
      <pre tabIndex={0}>
        {text.trimEnd().split('\n').map((line, index) => (
          <span key={index}>
            {parts(line).map(({ kind, text }, at) => (
              <span key={at} class={kind}>
                {text}
              </span>
            ))}
            {'\n'}
          </span>
        ))}
      </pre>
    </div>
  );
}
