#pragma once

#include <string_view>

// The style of the HTML report.
namespace plumb::plan {

inline constexpr std::string_view kHtmlStyle = R"css(
:root { --bg: #f6f7f9; --card: #fff; --ink: #1c2430; --soft: #5d6878; --line: #dde2e9;
  --green: #13703f; --green-bg: #e3f4ea; --red: #a8201a; --red-bg: #fbe7e6; --amber: #8a5a00; --amber-bg: #fdf1d8;
  --blue: #1b55a8; --blue-bg: #e4eefb; --grey-bg: #eceff3; }
@media (prefers-color-scheme: dark) { :root { --bg: #12161c; --card: #1a2029; --ink: #e4e8ee; --soft: #98a3b3;
  --line: #2c3542; --green: #6fd49b; --green-bg: #14321f; --red: #ff9a93; --red-bg: #3c1a19; --amber: #f0c069;
  --amber-bg: #3a2c0e; --blue: #8dbbff; --blue-bg: #182c49; --grey-bg: #252d38; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem 1.25rem 4rem; background: var(--bg); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1rem; margin-bottom: 1rem; }
h1 { font-size: 1.15rem; margin: 0; letter-spacing: .01em; }
header p { margin: 0; color: var(--soft); }
h2 { font-size: 1.3rem; margin: 1.75rem 0 .1rem; overflow-wrap: anywhere; }
h3 { font-size: .95rem; margin: 0 0 .5rem; }
h3.step { margin: 1.25rem 0 .4rem; color: var(--soft); font-weight: 600; }
.meta { margin: 0 0 1rem; color: var(--soft); font-size: .87rem; overflow-wrap: anywhere; }
code, pre, .dn, .fields td, .key { font-family: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace; }
code { font-size: .92em; }
pre { background: var(--grey-bg); padding: .55rem .75rem; border-radius: 6px; overflow-x: auto; font-size: .85rem; margin: .4rem 0 0; }
input[name=show] { position: absolute; opacity: 0; pointer-events: none; }
nav { display: flex; flex-wrap: wrap; gap: .5rem; position: sticky; top: 0; padding: .5rem 0; background: var(--bg); z-index: 1; }
nav label { padding: .3rem .8rem; border: 1px solid var(--line); border-radius: 999px; background: var(--card); cursor: pointer; }
nav label b { font-variant-numeric: tabular-nums; }
.box, .change { background: var(--card); border: 1px solid var(--line); border-radius: 8px; margin: 0 0 .6rem; }
.box { padding: .9rem 1rem; margin-bottom: 1rem; }
.box p { margin: .75rem 0 0; }
.rows { list-style: none; margin: 0; padding: 0; }
.rows li { padding: .45rem 0; overflow-wrap: anywhere; }
.rows li + li { border-top: 1px solid var(--line); }
.count { color: var(--soft); font-size: .87rem; }
.change { border-left-width: 4px; padding: 0 1rem; overflow: hidden; }
.change > :last-child:not(summary) { margin-bottom: .9rem; }
.change summary { cursor: pointer; padding: .6rem 0; overflow-wrap: anywhere; }
.key { font-weight: 600; }
.tag, .effect, .note { display: inline-block; border-radius: 4px; padding: 0 .45rem; font-size: .8rem; font-weight: 600; }
.tag { min-width: 4.4rem; text-align: center; }
.note { background: var(--grey-bg); color: var(--soft); font-weight: 500; }
.create, .enable { border-left-color: var(--green); }
.update { border-left-color: var(--amber); }
.remove, .disable { border-left-color: var(--red); }
.move, .adopt, .forget { border-left-color: var(--blue); }
.create .tag, .enable .tag, .approved { background: var(--green-bg); color: var(--green); }
.update .tag, .hold, .warn { background: var(--amber-bg); color: var(--amber); }
.remove .tag, .disable .tag, .deny, .note.bad { background: var(--red-bg); color: var(--red); }
.move .tag, .adopt .tag, .forget .tag { background: var(--blue-bg); color: var(--blue); }
.dn { margin: 0; font-size: .85rem; overflow-wrap: anywhere; }
.reason { margin: .15rem 0 0; color: var(--soft); font-size: .87rem; overflow-wrap: anywhere; }
.reason.bad { color: var(--red); }
.fields { width: 100%; border-collapse: collapse; margin-top: .6rem; font-size: .85rem; }
.fields th { text-align: left; font-weight: 600; vertical-align: top; white-space: nowrap; width: 1%; padding: .3rem 1.25rem .3rem 0; }
.fields td { padding: .3rem 0; overflow-wrap: anywhere; }
.fields tr + tr > * { border-top: 1px solid var(--line); }
.values { list-style: none; margin: 0; padding: 0; }
ins, del { text-decoration: none; border-radius: 3px; padding: .05rem .25rem; -webkit-box-decoration-break: clone; box-decoration-break: clone; }
ins { background: var(--green-bg); color: var(--green); }
del { background: var(--red-bg); color: var(--red); }
.to, .more { color: var(--soft); }
#show-all:checked ~ nav [for=show-all], #show-create:checked ~ nav [for=show-create],
#show-update:checked ~ nav [for=show-update], #show-move:checked ~ nav [for=show-move],
#show-enable:checked ~ nav [for=show-enable], #show-disable:checked ~ nav [for=show-disable],
#show-remove:checked ~ nav [for=show-remove], #show-adopt:checked ~ nav [for=show-adopt],
#show-forget:checked ~ nav [for=show-forget], #show-withheld:checked ~ nav [for=show-withheld]
  { border-color: var(--ink); background: var(--ink); color: var(--bg); }
input[name=show]:focus-visible ~ nav { outline: 2px solid var(--blue); outline-offset: 2px; }
#show-create:checked ~ main .change:not(.create), #show-update:checked ~ main .change:not(.update),
#show-move:checked ~ main .change:not(.move), #show-enable:checked ~ main .change:not(.enable),
#show-disable:checked ~ main .change:not(.disable), #show-remove:checked ~ main .change:not(.remove),
#show-adopt:checked ~ main .change:not(.adopt), #show-forget:checked ~ main .change:not(.forget),
#show-withheld:checked ~ main .change:not(.withheld) { display: none; }
@media print { nav { display: none; } body { max-width: none; } .change { break-inside: avoid; } }
)css";

}  // namespace plumb::plan
