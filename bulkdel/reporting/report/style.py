"""The style of the page: light and dark as the reader's system is, one column on a phone, ready for print.

The contrast of text is 4.5 to 1 or more in both, that of lines 3 to 1 (WCAG 2.2, 1.4.3 and 1.4.11).
"""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d2129; --soft: #565d6b; --page: #ffffff; --card: #f5f6f8;
  --line: #d5d9e0; --c1: #1f5fbf; --c2: #a8480a; --c3: #2b7038; --warn: #a31621; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e9ee; --soft: #a6adba; --page: #15181d;
  --card: #1f242b; --line: #3a414c; --c1: #7db0ff; --c2: #ffab66; --c3: #80d090; --warn: #ff8f8f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1240px; padding: 16px; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .4em 0 .2em; }
h2 { font-size: 1.25rem; margin: 2em 0 .5em; padding-top: .4em; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.4em 0 .4em; overflow-wrap: anywhere; }
p { margin: .4em 0; max-width: 78ch; overflow-wrap: anywhere; }
.lead { font-size: 1.1rem; }
.weighty { color: var(--warn); font-weight: 600; }
.soft, figcaption, footer { color: var(--soft); }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .2em 1.1em; padding: 0; margin: 1em 0; }
a { color: var(--c1); }
:focus-visible { outline: 3px solid var(--c1); outline-offset: 2px; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 8px; top: 8px; background: var(--page); padding: 6px 10px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: 10px;
  margin: 1em 0; padding: 0; }
.tiles div { background: var(--card); border: 1px solid var(--line); border-radius: 6px;
  padding: 8px 12px; display: flex; flex-direction: column-reverse; }
.tiles dt { color: var(--soft); }
.tiles dd { margin: 0; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; margin: .8em 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: .3em; }
th, td { text-align: left; vertical-align: top; padding: .25em .9em .25em 0; border-bottom: 1px solid
  var(--line); overflow-wrap: break-word; max-width: 60ch; }
thead th { white-space: nowrap; }
.bar + th { font-weight: normal; }
th.n, td.n { text-align: right; white-space: nowrap; }
.bar { width: 9em; min-width: 9em; }
.bar svg { width: 100%; height: 12px; display: block; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 10px 12px;
  white-space: pre-wrap; overflow-wrap: anywhere; font: 14px/1.5 ui-monospace, "SF Mono", Consolas,
  "Liberation Mono", monospace; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(300px, 100%), 1fr));
  gap: 14px; }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 6px;
  padding: 8px; min-width: 0; break-inside: avoid; }
figure svg { width: 100%; height: auto; display: block; }
figcaption { font-size: .9rem; }
.legend { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0 1em;
  font-size: .85rem; color: var(--soft); }
.legend .swatch { width: 24px; height: 10px; display: inline-block; margin-right: .4em; }
svg text { fill: var(--soft); font-size: 11px; }
svg path { fill: none; }
.grid { stroke: var(--line); }
.cut { stroke: var(--soft); stroke-dasharray: 1 4; }
.s1 { stroke: var(--c1); stroke-width: 1.8; }
.s2 { stroke: var(--c2); stroke-width: 1.6; stroke-dasharray: 5 3; }
.s3 { stroke: var(--c3); stroke-width: 1.6; stroke-dasharray: 1.5 2.5; }
svg path.bars { fill: var(--c2); stroke: none; }
.share { fill: var(--c1); }
.rest { fill: var(--line); }
details { margin: .6em 0; }
summary { cursor: pointer; color: var(--c1); }
details table { font-size: .85rem; }
@media print { html { font-size: 11px; } body { max-width: none; font-size: 11px; padding: 0; } nav, .skip, details { display: none; }
  h2, h3 { break-after: avoid; } tr, .tiles { break-inside: avoid; } pre { white-space: pre-wrap; }
  .wide { overflow: visible; } .charts { grid-template-columns: repeat(3, 1fr); } }
"""
