// Shortcuts: one key each, not while something is typed.

export interface Shortcut {
  keys: string;
  does: string;
}

/** For the help; what each key does is said where it is handled. */
export const SHORTCUTS: { title: string; keys: Shortcut[] }[] = [
  {
    title: 'Everywhere',
    keys: [
      { keys: '/', does: 'Type a filter' },
      { keys: 'Space', does: 'Pause or resume' },
      { keys: 'd', does: 'Show dropped flows only, or all' },
      { keys: 'c', does: 'Clear all filters' },
      { keys: '1 2 3 4', does: 'Overview, map, flows, nodes' },
      { keys: 'u', does: 'Times in UTC or in your time zone' },
      { keys: 't', does: 'Dark, light or system theme' },
      { keys: '?', does: 'This help' },
      { keys: 'Esc', does: 'Close the open panel' },
    ],
  },
  {
    title: 'In the table',
    keys: [
      { keys: '↑ ↓  j k', does: 'Next and previous flow' },
      { keys: 'PgUp PgDn Home End', does: 'Scroll by a page, or to an end' },
      { keys: 'Enter', does: 'Open the flow' },
      { keys: 'i', does: 'Filter by a cell of the selected flow' },
    ],
  },
  {
    title: 'On the time axis',
    keys: [
      { keys: '← →', does: 'Move the cursor' },
      { keys: 'Shift ← →', does: 'Select a time range' },
      { keys: 'Enter', does: 'Show only the selected time range' },
    ],
  },
  {
    title: 'On the map',
    keys: [
      { keys: 'Tab', does: 'Next workload' },
      { keys: 'Enter', does: 'Filter by the workload, or expand the namespace' },
      { keys: '+ −  0', does: 'Zoom in, zoom out, fit to view' },
    ],
  },
];

/** Whether a key goes into a field. */
export function typing(event: KeyboardEvent): boolean {
  const target = event.target;
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
