/// One page that shows the memory of a training step over its time. It needs nothing but itself.
module Evo.Cli.MemoryPage

open System
open System.Globalization
open System.Net
open Evo.Parallel

let private escape (text: string) = WebUtility.HtmlEncode text |> nonNull

let private style =
    """
:root { color-scheme: light dark; --text: #1d232b; --quiet: #5b6672; --paper: #ffffff; --line: #d4dae1; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e8ed; --quiet: #9aa5b1; --paper: #15191e; --line: #38414b; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--paper); margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } p { color: var(--quiet); }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: 3px 16px 3px 0; text-align: right; } th:first-child, td:first-child { text-align: left; }
svg { width: 100%; height: auto; margin: 1rem 0; } svg text { fill: var(--quiet); font: 11px system-ui, sans-serif; }
.key { display: inline-block; width: .8em; height: .8em; margin-right: .4em; }
"""

let private colours =
    [ "#4c78a8"; "#f58518"; "#54a24b"; "#b79a20"; "#72b7b2"; "#e45756" ]

let private x (value: float) =
    value.ToString("0.##", CultureInfo.InvariantCulture)

let private width, height, lane = 1200.0, 360.0, 24.0

/// The kinds from the ground up, each with its bytes at every sample.
let private layers (timeline: MemoryTimeline) =
    let counted = timeline.Counted

    let constant bytes (_: MemorySample) : float = float (bytes: int64)

    [
        constant counted.Parameters
        constant counted.Gradients
        constant counted.OptimizerState
        constant counted.Master
        (fun s -> float s.Gathered)
        (fun s -> float (max 0L (s.Alive - timeline.Kept - s.Gathered)))
    ]

/// Each kind as an area on top of those before it.
let private areas (timeline: MemoryTimeline) (time: float -> float) (level: float -> float) =
    let grounds =
        layers timeline
        |> List.scan
            (fun below bytes -> Seq.map2 (fun (s, a) _ -> s, a + bytes s) below below |> List.ofSeq)
            [ for sample in timeline.Samples -> sample, 0.0 ]

    let points line =
        line
        |> List.map (fun ((s: MemorySample), a) -> $"{x (time s.Seconds)},{x (level a)}")

    [
        for (below, above), colour in List.zip (List.pairwise grounds) colours do
            let outline = points above @ List.rev (points below) |> String.concat " "
            $"<polygon points=\"{outline}\" fill=\"{colour}\"/>"
    ]

let private bars (timeline: MemoryTimeline) (time: float -> float) =
    [
        for span in timeline.Spans do
            let colour =
                if span.Name.StartsWith "forward" then "#4c78a8"
                elif span.Name.StartsWith "backward" then "#e45756"
                elif span.Name.StartsWith "update" then "#54a24b"
                else "#9aa5b1"

            let wide = max 1.0 (time span.End - time span.Begin)

            $"<rect x=\"{x (time span.Begin)}\" y=\"{x (height + 6.0)}\" width=\"{x wide}\" height=\"{x lane}\" fill=\"{colour}\"><title>{escape span.Name}, {x (1000.0 * (span.End - span.Begin))} ms</title></rect>"

            if wide > 70.0 then
                $"<text x=\"{x (time span.Begin + 4.0)}\" y=\"{x (height + 22.0)}\" style=\"fill:#fff\">{escape span.Name}</text>"
    ]

let private table (timeline: MemoryTimeline) =
    let row (kind: string) colour (counted: int64) (predicted: int64) =
        let key =
            if colour = "" then
                ""
            else
                $"<span class=\"key\" style=\"background:{colour}\"></span>"

        $"<tr><td>{key}{escape kind}</td><td>{counted:N0}</td><td>{predicted:N0}</td></tr>"

    [
        "<table><thead><tr><th>kind</th><th>counted, bytes</th><th>predicted</th></tr></thead><tbody>"
        for (struct (kind, counted), struct (_, predicted)), colour in
            Seq.zip (Seq.zip timeline.Counted.Kinds timeline.Predicted.Kinds) colours do
            row kind colour counted predicted
        row "all" "" timeline.Counted.Total timeline.Predicted.Total
        "</tbody></table>"
    ]

/// The page as a text.
let write (rank: int) (timeline: MemoryTimeline) : string =
    let last = timeline.Samples |> Seq.map _.Seconds |> Seq.fold max 1e-9
    let most = timeline.Samples |> Seq.map _.Alive |> Seq.fold max 1L
    let most = float (max most timeline.Counted.Total)
    let time seconds = seconds / last * width
    let level bytes = height - bytes / most * height
    let whole = height + 2.0 * lane

    [
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">"
        $"<title>Memory of step {timeline.Step}</title><style>{style}</style></head><body>"
        $"<h1>Memory of step {timeline.Step} on rank {rank}</h1>"
        $"<p>{x (1000.0 * last)} ms from left to right, up to {escape (Terminal.bytes (int64 most))}; below, what the rank did.</p>"
        $"<svg viewBox=\"0 0 {x width} {x whole}\" role=\"img\">"
        yield! areas timeline time level
        yield! bars timeline time
        "</svg>"
        yield! table timeline
        "<p>Activations are all that is alive beside the other kinds; predicted are those that backward passes read.</p>"
        "</body></html>"
    ]
    |> String.concat "\n"
