// What stands above the map: what it holds, and whether it is a graph or a matrix.

import type { ComponentChildren } from 'preact';
import { counted, span } from '../format';
import type { ServiceMap } from '../openapi';
import { go, paused, view } from '../state';

interface Props {
  map: ServiceMap | null;
  edges: number;
  busy: boolean;
  allOpen: boolean;
  onAll: () => void;
  children?: ComponentChildren;
}

export function MapHead({ map, edges, busy, allOpen, onAll, children }: Props) {
  const isMatrix = view.value.matrix !== null;
  const spaces = new Set(map?.nodes.flatMap(({ namespace }) => namespace || [])).size;
  return (
    <div class="tablehead">
      <h2>Map</h2>
      <div class="switch" role="group" aria-label="Form of the map">
        <button aria-pressed={!isMatrix} onClick={() => go({ matrix: null })}>
          Graph
        </button>
        <button aria-pressed={isMatrix} onClick={() => go({ matrix: view.value.matrix ?? [] })}>
          Matrix
        </button>
      </div>
      <p class="quiet-text">
        {map && map.nodes.length > 0
          ? `${counted(map.nodes.length, 'node')}, ${counted(edges, isMatrix ? 'pair' : 'edge')} in ${span(map.seconds * 1000)}${map.hidden ? `; ${map.hidden} edges not shown` : ''}`
          : ''}
        {paused.value ? ', paused' : ''}
        {busy ? ', computing the layout…' : ''}
      </p>
      <span class="stretch" />
      {spaces > 1 && (
        <button class="quiet all" onClick={onAll}>
          {allOpen ? 'Collapse all' : 'Expand all'}
        </button>
      )}
      {children}
    </div>
  );
}
