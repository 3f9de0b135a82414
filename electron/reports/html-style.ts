/** The style of the report's page: for the screen in light and dark, and for paper. Its hash is in the page's CSP. */
import { mostLanes } from './tree-lanes.ts';

/** Pixels between two lanes of a tree. */
export const laneWidth = 14;

const lanes = Array.from(
  { length: mostLanes + 1 },
  (_, lane) => `td.lane-${lane}{padding-left:${lane * laneWidth + 34}px}`,
).join('\n');

export const htmlStyle = `
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--text:#1a1f29;--soft:#586174;--line:#d9dee7;--accent:#2257c4;
--critical:#b3261e;--critical-back:#fdecea;--warning:#8a5300;--warning-back:#fff3dc;--information:#2b5a94;
--information-back:#e8f0fb;--bar:#4a7bdc;--track:#e6eaf1}
@media (prefers-color-scheme:dark){:root{--page:#12151b;--card:#1b2028;--text:#e7eaf0;--soft:#a0a9b9;--line:#333b48;
--accent:#8ab0ff;--critical:#ff9d94;--critical-back:#40201e;--warning:#ffc266;--warning-back:#3b2d13;
--information:#9cc3f5;--information-back:#1c2c42;--bar:#6c98ee;--track:#2a313d}}
*{box-sizing:border-box}
html{background:var(--page);color:var(--text);font:14px/1.45 system-ui,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}
body{max-width:1180px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:28px;line-height:1.2;margin:0 0 4px}
h2{font-size:19px;margin:40px 0 12px}
h3{font-size:15px;margin:0;overflow-wrap:anywhere;white-space:pre-wrap}
h3 .host{color:var(--soft);font-weight:400}
p{margin:4px 0;max-width:90ch}
a{color:var(--accent)}
.soft,figcaption small{color:var(--soft)}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:4px 20px;padding:0;margin:16px 0 0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(102px,1fr));gap:10px;margin:20px 0;padding:0;list-style:none}
.tiles li{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 12px;font-size:12px;color:var(--soft)}
.tiles strong{display:block;color:var(--text);font-size:24px;line-height:1.25;font-variant-numeric:tabular-nums}
.tiles .critical strong{color:var(--critical)}
.tiles .warning strong{color:var(--warning)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(330px,1fr));gap:14px}
figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:14px 16px;min-width:0}
figcaption{font-weight:600;margin-bottom:8px}
figcaption small{display:block;font-weight:400}
figure svg{display:block;width:100%;height:auto}
svg text{fill:var(--text);font-size:12px}
svg .quiet{fill:var(--soft)}
svg .bar{fill:var(--bar)}
svg .track{fill:var(--track)}
svg .full{fill:var(--critical)}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;margin:12px 0;overflow:hidden}
.vm{break-inside:auto;content-visibility:auto;contain-intrinsic-size:auto 160px}
.card header{padding:12px 16px 10px}
.card header p{color:var(--soft);overflow-wrap:anywhere}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%}
caption{text-align:left;padding:12px 16px;font-weight:600}
th,td{text-align:left;vertical-align:top;padding:6px 10px;border-top:1px solid var(--line)}
th{color:var(--soft);font-size:12px;font-weight:600;white-space:nowrap}
th:first-child,td:first-child{padding-left:16px}
td{overflow-wrap:anywhere;white-space:pre-wrap}
td.name{min-width:210px}
td.fixed{white-space:nowrap;font-variant-numeric:tabular-nums;overflow-wrap:normal}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;overflow-wrap:normal}
tr.current td.name{font-weight:600}
td.tree{position:relative}
td.tree>svg{position:absolute;left:14px;top:0;height:100%;overflow:visible;pointer-events:none}
td.tree line,td.tree path{stroke:var(--soft);stroke-width:1.5;fill:none}
td.tree circle{fill:var(--card);stroke:var(--soft);stroke-width:2}
tr.current circle{fill:var(--accent);stroke:var(--accent)}
.tag{display:inline-block;border-radius:4px;padding:0 6px;font-size:12px;font-weight:600;white-space:nowrap}
.critical .tag,.tag.critical{color:var(--critical);background:var(--critical-back)}
.warning .tag,.tag.warning{color:var(--warning);background:var(--warning-back)}
.information .tag,.tag.information{color:var(--information);background:var(--information-back)}
.code{padding:12px 16px;border-top:1px solid var(--line)}
.code .list{margin:8px 0 0;padding-left:14px;border-left:2px solid var(--line)}
.finding{padding:3px 0}
.finding .remedy{display:block}
.finding p{max-width:none;margin:0;overflow-wrap:anywhere;white-space:pre-wrap}
.finding .place{color:var(--soft);font-size:12px;overflow-wrap:anywhere}
.list{list-style:none;margin:0;padding:0}
.list h3,.card>h3{padding:12px 16px 8px}
.unseen{color:var(--warning);font-size:.85em}
bdi{unicode-bidi:isolate}
${lanes}
@page{size:A4 landscape;margin:12mm}
@media print{
:root{color-scheme:light;--page:#fff;--card:#fff;--text:#000;--soft:#444;--line:#bbb;--accent:#1b469d;--critical:#9c1c15;
--critical-back:#fff;--warning:#6f4300;--warning-back:#fff;--information:#1f4a80;--information-back:#fff;--bar:#4a7bdc;--track:#e6eaf1}
html{font-size:11px;print-color-adjust:exact;-webkit-print-color-adjust:exact}
body{max-width:none;padding:0}
nav{display:none}
h2{font-size:16px;margin-top:22px}
h2,.card header,.card>h3{break-after:avoid}
tr,.finding,figure,.tiles li{break-inside:avoid}
thead{display:table-header-group}
.vm{content-visibility:visible}
.card,.scroll{overflow:visible}
.charts{grid-template-columns:repeat(3,1fr)}
.tiles{grid-template-columns:repeat(10,1fr)}
.tag{border:1px solid currentColor}
th,td{padding-top:4px;padding-bottom:4px}
}
@media (max-width:700px){body{padding:16px 10px}h1{font-size:22px}.charts{grid-template-columns:1fr}}
`;
