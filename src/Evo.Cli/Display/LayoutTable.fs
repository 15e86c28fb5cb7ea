/// What `evo verify` found at layouts: a line for each, what is wrong, and how many were tried.
module Evo.Cli.LayoutTable

open System
open System.Globalization
open Evo.Parallel.Verification

let private number (x: float) =
    if Double.IsFinite x then
        x.ToString("0.0e+0", CultureInfo.InvariantCulture)
    else
        "—"

let private first (verdict: LayoutVerdict) =
    match verdict.Failure with
    | null when verdict.First.HasValue ->
        $"{verdict.First.Value.Quantity} ({number verdict.First.Value.Error})"
    | null when verdict.Unequal.Count > 0 -> $"{verdict.Unequal[0]} differs between replicas"
    | null when verdict.Compared = 0 -> "nothing was compared"
    | null -> "none"
    | _ -> "FAILED, see below"

let private row (verdict: LayoutVerdict) =
    [
        string verdict.Layout
        number verdict.Error
        verdict.Where
        first verdict
        Terminal.duration verdict.Seconds
    ]

let private refusal (refusal: LayoutRefusal) =
    $"{refusal.Count} refused: {refusal.Reason} (such as {refusal.Example})"

/// The report in lines.
let lines (report: LayoutReport) : string list =
    let header = [ "layout"; "largest error"; "where"; "first diverging"; "time" ]

    let table =
        Terminal.table (Set.ofList [ 1; 4 ]) (header :: [ for v in report.Verdicts -> row v ])

    let choice = report.Choice

    let covered =
        if report.Tried < choice.Legal then
            $", chosen so that every pair of settings occurs that occurs in the {choice.Legal} it allows"
        else
            ""

    [
        yield! table
        ""
        for verdict in report.Verdicts do
            match verdict.Failure with
            | null -> ()
            | failure -> $"{verdict.Layout}: FAILED: {failure}"
        for one in choice.Refusals do
            refusal one
        $"{report.Model} against {report.Against}: {report.Tried} tried / {choice.Refused} refused / {choice.Total} total{covered}"
        if report.Tried = 0 then
            "nothing was tried, which proves nothing"
        elif report.Broken = 0 then
            $"all hold; largest error {number report.LargestError}"
        else
            $"{report.Broken} of {report.Tried} do not hold"
    ]
