/// One page that explains a model in a mode: its data flow drawn, and the tables. It needs nothing but itself.
module Evo.Cli.Page

open System.Net
open Evo.Models

let private escape (text: string) = WebUtility.HtmlEncode text |> nonNull

// Colours follow the reader's; placements keep theirs in both.
let private style =
    """
:root { color-scheme: light dark; --text: #1d232b; --quiet: #5b6672; --paper: #ffffff; --line: #d4dae1;
  --one: #eef1f5; --whole: #e3ecfb; --same: #e6f4ea; --shard: #fdf1da; --part: #f9e1e4; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e8ed; --quiet: #9aa5b1; --paper: #15191e; --line: #38414b;
  --one: #232a32; --whole: #1d2f4d; --same: #1c3a26; --shard: #44350f; --part: #4a2027; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--paper); margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
p.quiet, figcaption { color: var(--quiet); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; }
th, td { border-bottom: 1px solid var(--line); padding: 3px 12px 3px 0; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 1rem 0; }
svg text { fill: var(--text); text-anchor: middle; }
svg .name { font: 600 13px system-ui, sans-serif; } svg .what { font: 11px system-ui, sans-serif; fill: var(--quiet); }
svg rect { stroke: var(--line); stroke-width: 1; }
svg .talks rect { stroke: #c0392b; stroke-width: 2.5; }
svg .edges path { fill: none; stroke: var(--quiet); stroke-width: 1.2; opacity: .7; }
.one rect, .one.key { fill: var(--one); background: var(--one); } .whole rect, .whole.key { fill: var(--whole); background: var(--whole); }
.same rect, .same.key { fill: var(--same); background: var(--same); } .shard rect, .shard.key { fill: var(--shard); background: var(--shard); }
.part rect, .part.key { fill: var(--part); background: var(--part); }
.key { padding: 1px 8px; border-radius: 4px; } .key.talks { border: 2.5px solid #c0392b; }
"""

let private table (table: Tables.Table) =
    let cell tag column (text: string) =
        let style =
            if table.Numbers.Contains column then
                " class=\"number\""
            else
                ""

        $"<{tag}{style}>{escape text}</{tag}>"

    let row tag cells =
        "<tr>" + (cells |> List.mapi (cell tag) |> String.concat "") + "</tr>"

    match table.Rows with
    | [] -> []
    | header :: rows ->
        [
            $"<h2>{escape table.Title}</h2>"
            "<div class=\"wide\"><table>"
            "<thead>"
            row "th" header
            "</thead><tbody>"
            yield! List.map (row "td") rows
            "</tbody></table></div>"
        ]

let private figure (found: ModeInspection) (layer: int option, count: int) =
    let title = Flow.title found layer

    let caption =
        match layer with
        | None -> $"{title}: the model around its layers"
        | Some index when count = 1 -> $"{title}: layer {index}"
        | Some index -> $"{title}: layer {index}, and {count - 1} more like it"

    [
        "<figure>"
        $"<figcaption>{escape caption}</figcaption>"
        "<div class=\"wide\">"
        Picture.draw (Flow.nodes found layer)
        "</div></figure>"
    ]

let private legend =
    [
        "<p class=\"quiet\">Boxes are values: how each lies on the ranks, what makes it, its shape."
        "<span class=\"key whole\">R</span> whole, each rank with uses of its own;"
        "<span class=\"key same\">I</span> whole, one computation everywhere alike;"
        "<span class=\"key shard\">S(d)</span> a slice along dim d;"
        "<span class=\"key part\">P</span> a part of a sum;"
        "<span class=\"key talks\">framed</span> ranks talk to make it: bytes that each sends in the forward and the backward pass.</p>"
    ]
    |> String.concat "\n"

/// The page.
let write (spec: CausalLM) (model: Inspection) (found: ModeInspection) : string =
    let title = $"{model.Family}, {found.Degrees}"

    let blocks = Flow.blocks found

    [
        "<!DOCTYPE html>"
        "<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
        $"<title>{escape title}</title><style>{style}</style></head><body>"
        $"<h1>{escape title}</h1>"
        $"<p>{escape model.Architecture}: {model.ParameterCount:N0} parameters, {found.LocalParameters:N0} numbers on each rank. A pass is over {found.Batch} x {found.Length} tokens.</p>"
        "<h2>Data flow</h2>"
        legend
        yield! List.collect (figure found) blocks
        yield! Tables.ofMode spec model found |> List.collect table
        yield! blocks |> List.collect (fun (layer, _) -> table (Tables.kept found layer))
        "</body></html>"
        ""
    ]
    |> String.concat "\n"
