import { escapeHtml } from "./escape.ts";

/** Light unless the reader's system is dark; paper is light. */
const style = `
:root { color-scheme: light dark; --page: #ffffff; --text: #1b1f24; --quiet: #59636e; --line: #d8dee4; --panel: #f6f8fa;
  --ok: #1a7f37; --person: #0969da; --warning: #9a6700; --problem: #cf222e;
  --series-1: #0969da; --series-2: #bc4c00; --axis: #59636e; --grid: #e4e8ec; }
@media (prefers-color-scheme: dark) { :root { --page: #0f1318; --text: #e6edf3; --quiet: #9aa5b1; --line: #30363d; --panel: #171c23;
  --ok: #3fb950; --person: #58a6ff; --warning: #d29922; --problem: #ff7b72;
  --series-1: #58a6ff; --series-2: #f0883e; --axis: #9aa5b1; --grid: #262c34; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 52rem; background: var(--page); color: var(--text);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; line-height: 1.35; margin: 0; }
p { margin: 0 0 .6rem; }
.quiet { color: var(--quiet); font-size: .9rem; }
.mark { display: inline-block; padding: .05rem .6rem; border: 1px solid currentColor; border-radius: 1rem; font-size: .8rem;
  font-weight: 600; white-space: nowrap; }
.ok { color: var(--ok); } .needs_person { color: var(--person); } .warning { color: var(--warning); } .problem { color: var(--problem); }
.summary { display: flex; flex-wrap: wrap; gap: .5rem; padding: 0; margin: 1.25rem 0 2rem; list-style: none; }
.summary a { display: flex; gap: .6rem; align-items: center; padding: .4rem .8rem; border: 1px solid var(--line); border-radius: .5rem;
  background: var(--panel); color: inherit; text-decoration: none; }
section { border-top: 1px solid var(--line); padding: 1.5rem 0 1rem; }
section header { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; margin-bottom: .75rem; }
ul.evidence { margin: 0 0 .8rem; padding-left: 1.1rem; }
ul.evidence li.more { margin-left: 1.1rem; color: var(--quiet); }
code { font: .88em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; background: var(--panel); border: 1px solid var(--line);
  border-radius: .3rem; padding: .1rem .4rem; }
figure { margin: 1.25rem 0; break-inside: avoid; }
figcaption { font-size: .9rem; font-weight: 600; margin-bottom: .35rem; }
.keys { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: 0; color: var(--quiet); font-size: .85rem; }
.keys span::before { content: ""; display: inline-block; width: 1.1rem; height: .2rem; margin-right: .45rem; vertical-align: middle;
  background: var(--series-1); border-radius: .1rem; print-color-adjust: exact; }
.keys .key-2::before { background: var(--series-2); }
svg { display: block; width: 100%; height: auto; }
.narrow { display: none; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; margin: .5rem 0 1rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
footer { border-top: 1px solid var(--line); padding-top: 1rem; }
@media (max-width: 34rem) { body { padding: 1.25rem .9rem 3rem; } .wide { display: none; } .narrow { display: block; } }
@media print { :root { color-scheme: light; --page: #ffffff; --text: #000000; --quiet: #444c56; --line: #c8ced4; --panel: #f6f8fa;
    --ok: #116329; --person: #0550ae; --warning: #7d4e00; --problem: #a40e26;
    --series-1: #0550ae; --series-2: #953800; --axis: #444c56; --grid: #dde2e7; }
  body { max-width: none; padding: 0; font-size: 10.5pt; } section { break-inside: auto; } section header { break-after: avoid; }
  .wide { display: block; } .narrow { display: none; } }
@page { margin: 16mm; }
`;

/** A page that needs nothing beside itself: no script, no font, no image from elsewhere. `body` is HTML. */
export const htmlPage = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
${body}
</body>
</html>
`;
