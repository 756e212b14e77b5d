// The service map: who talks to whom, how much, and what is dropped.

import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { counted, rate, span } from '../format';
import { Icon } from '../icons';
import { go, map as shownMap, paused, view } from '../state';
import { activate, described } from './card';
import { graph as graphOf, type Card } from './graph';
import { extent, type Box } from './layout';
import { Scene } from './scene';
import { drawn, fit as fitTo, zoomed, type Viewport } from './viewport';
import { useLayout } from './use';

/** Fewer cards than this are all drawn, seen or not. */
const CULL = 150;
/** Nearer than this, words can be read; of many cards, so few are seen at once that each can be drawn. */
const NEAR = 0.4;
const NEAR_OF_MANY = 0.55;
/** A pointer that moved less (px) was a click. */
const CLICK = 4;

export function ServiceMapView() {
  const box = useRef<HTMLDivElement>(null);
  const [viewport, setViewport] = useState<Viewport>({ x: 0, y: 0, zoom: 1 });
  const [area, setArea] = useState({ w: 800, h: 400 });
  const [hot, setHot] = useState('');
  const [arranged, setArranged] = useState(0);
  const moved = useRef(false);
  const { filters, since, until, namespaces, toggled } = view.value;
  const map = shownMap.value;
  const graph = useMemo(() => map && graphOf(map, toggled), [map, toggled.join()]);
  const { layout, generation } = useLayout(graph, `${toggled.join()} ${namespaces.join()} ${arranged}`);

  const placed = graph && layout ? graph.cards.filter(({ id }) => layout.cards[id]) : [];
  const whole = extent([
    ...placed.flatMap(({ id }) => layout?.cards[id] ?? []),
    ...(graph?.groups ?? []).flatMap((name) => layout?.groups[name] ?? []),
  ]);
  const fit = () => {
    moved.current = false;
    setViewport(fitTo(whole, area.w, area.h));
  };
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const watch = new ResizeObserver(() => setArea({ w: element.clientWidth, h: element.clientHeight }));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  // A map that was arranged anew is shown whole; one that grew, unless somebody moved it.
  useLayoutEffect(() => fit(), [generation]);
  useLayoutEffect(() => {
    if (!moved.current) fit();
  }, [area.w, area.h, Math.round(whole.w), Math.round(whole.h)]);

  const zoom = (factor: number, px = area.w / 2, py = area.h / 2) => {
    moved.current = true;
    setViewport((viewport) => zoomed(viewport, factor, px, py));
  };
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    // Not passive: the page stands still while the map is zoomed.
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const corner = element.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX - corner.left, event.clientY - corner.top);
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [area.w, area.h]);

  /** How far the pointer went while it was down, px. */
  const way = useRef(0);
  const fingers = useRef(new Map<number, { x: number; y: number }>());
  const onMove = (event: PointerEvent) => {
    const last = fingers.current.get(event.pointerId);
    if (!last) return;
    const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
    const others = [...fingers.current].filter(([id]) => id !== event.pointerId);
    fingers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const other = others[0]?.[1];
    if (other) {
      const corner = box.current?.getBoundingClientRect();
      const [before, after] = [Math.hypot(last.x - other.x, last.y - other.y), Math.hypot(event.clientX - other.x, event.clientY - other.y)];
      if (corner && before > 10) zoom(after / before, (event.clientX + other.x) / 2 - corner.left, (event.clientY + other.y) / 2 - corner.top);
      return;
    }
    if (Math.abs(dx) + Math.abs(dy) > 0) moved.current = true;
    way.current += Math.abs(dx) + Math.abs(dy);
    setViewport(({ x, y, zoom }) => ({ x: x + dx, y: y + dy, zoom }));
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '+' || event.key === '=') zoom(1.25);
    else if (event.key === '-') zoom(0.8);
    else if (event.key === '0') fit();
    else return;
    event.preventDefault();
  };

  // The same function as long as it does the same: what is drawn stays as it is.
  const toggle = useCallback(
    (name: string) => go({ toggled: toggled.includes(name) ? toggled.filter((each) => each !== name) : [...toggled, name] }),
    [toggled.join()],
  );
  const many = placed.length > CULL;
  const near = viewport.zoom > (many ? NEAR_OF_MANY : NEAR);
  const far = many && !near;
  const part = useRef<Box | null>(null);
  part.current = many && !far ? drawn(viewport, area.w, area.h, part.current) : null;

  // From afar cards are no elements: which one is meant is found by its place.
  const under = (event: PointerEvent): Card | undefined => {
    const corner = box.current?.getBoundingClientRect();
    if (!far || !corner || !layout) return undefined;
    const [x, y] = [(event.clientX - corner.left - viewport.x) / viewport.zoom, (event.clientY - corner.top - viewport.y) / viewport.zoom];
    return placed.find(({ id }) => {
      const place = layout.cards[id];
      return place && x >= place.x && x <= place.x + place.w && y >= place.y && y <= place.y + place.h;
    });
  };
  const pointed = far ? placed.find(({ id }) => id === hot) : undefined;
  const drops = (graph?.edges ?? []).filter(({ dropped }) => dropped > 0);
  const name = (id: string) => graph?.cards.find((card) => card.id === id)?.title ?? id;

  return (
    <section class="map" aria-label="Service map">
      <div class="tablehead">
        <h2>Map</h2>
        <p class="quiet-text">
          {graph && map
            ? `${counted(map.nodes.length, 'node')}, ${counted(graph.edges.length, 'edge')} in ${span(map.seconds * 1000)}${map.hidden ? `; ${map.hidden} edges not shown` : ''}`
            : ''}
          {paused.value ? ', paused' : ''}
        </p>
        <span class="stretch" />
        <button class="quiet" onClick={() => zoom(0.8)} aria-label="Farther" title="Farther (−)">
          <Icon name="minus" />
        </button>
        <button class="quiet" onClick={() => zoom(1.25)} aria-label="Nearer" title="Nearer (+)">
          <Icon name="plus" />
        </button>
        <button class="quiet" onClick={fit} aria-label="Show all of it" title="Show all of it (0)">
          <Icon name="fit" />
        </button>
        <button class="quiet" onClick={() => setArranged(arranged + 1)} aria-label="Arrange anew" title="Arrange anew">
          <Icon name="layout" />
        </button>
      </div>
      <div
        class={`canvas${near ? '' : ' far'}${far ? ' spotted' : ''}`}
        ref={box}
        onKeyDown={onKey}
        onPointerDown={(event) => {
          if (event.target instanceof Element && event.target.closest('button, .edge .hit')) return;
          box.current?.setPointerCapture(event.pointerId);
          fingers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
          way.current = 0;
        }}
        onPointerMove={(event) => {
          onMove(event);
          if (far && fingers.current.size === 0) setHot(under(event)?.id ?? '');
        }}
        onPointerUp={(event) => {
          const card = fingers.current.delete(event.pointerId) && way.current < CLICK ? under(event) : undefined;
          if (card) activate(card, event.shiftKey, toggle);
        }}
        onPointerCancel={(event) => fingers.current.delete(event.pointerId)}
      >
        <div class="world" style={{ transform: `translate(${viewport.x}px, ${viewport.y}px) scale(${viewport.zoom})`, '--zoom': String(viewport.zoom) }}>
          {graph && layout && (
            <Scene graph={graph} layout={layout} seconds={map?.seconds ?? 1} part={part.current} near={near} far={far} hot={hot} onHot={setHot} onToggle={toggle} />
          )}
        </div>
        {pointed && <p class="pointed">{described(pointed, map?.seconds ?? 1)}</p>}
        {graph && graph.cards.length === 0 && (
          <p class="nothing">{filters.length || since || until || namespaces.length ? 'No flow matches.' : 'Nobody talks yet.'}</p>
        )}
      </div>
      <ul class="hidden" aria-label="Dropped on the map">
        {drops.slice(0, 50).map((edge) => (
          <li key={edge.id}>
            {name(edge.source)} to {name(edge.destination)} {edge.label}: {counted(edge.dropped, 'drop')} {edge.reasons.join(', ')}, {rate(edge.dropped, map?.seconds ?? 1)}
          </li>
        ))}
      </ul>
    </section>
  );
}
