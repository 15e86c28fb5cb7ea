/// What a step spends its time on, as tables of text.
module Evo.Cli.ProfileTable

open System
open System.Globalization
open Evo.Core

let private shown (format: string) (value: float) =
    value.ToString(format, CultureInfo.InvariantCulture)

let private speed (row: ProfileRow) =
    match row.Kind with
    | Products
    | Attention when row.Operations > 0L ->
        shown "0.0" (float row.Operations / row.Seconds / 1e9) + " GFLOP/s"
    | Memory when row.Bytes > 0L -> shown "0.0" (float row.Bytes / row.Seconds / 1e9) + " GB/s"
    | _ -> ""

let private cells (profile: StepProfile) (row: ProfileRow) =
    [
        shown "0.00" (row.Seconds * 1e3) + " ms"
        shown "0.0" (100.0 * row.Seconds / profile.Seconds) + " %"
        speed row
        match row.Gap profile.Ceilings |> Option.ofNullable with
        | Some gap -> shown "0.00" (gap * 1e3) + " ms"
        | None -> ""
    ]

/// Operators that are shown each by itself.
let private most = 30

/// The step by kind, then by operator.
let write (profile: StepProfile) : string list =
    let shares =
        Terminal.table
            (set [ 1..4 ])
            [
                [ "kind"; "time"; "of the step"; "speed"; "beyond the ceiling" ]
                for row in profile.Kinds do
                    row.Name :: cells profile row
            ]

    let operators = profile.Operators

    let rest =
        operators |> List.skip (min most operators.Length) |> List.sumBy _.Seconds

    let rows =
        Terminal.table
            (set [ 2..6 ])
            [
                [
                    "operator"
                    "kind"
                    "calls"
                    "time"
                    "of the step"
                    "speed"
                    "beyond the ceiling"
                ]
                for row in List.truncate most operators do
                    row.Name :: string row.Kind :: string row.Calls :: cells profile row
                if operators.Length > most then
                    [
                        $"{operators.Length - most} others"
                        ""
                        ""
                        shown "0.00" (rest * 1e3) + " ms"
                        shown "0.0" (100.0 * rest / profile.Seconds) + " %"
                    ]
            ]

    let ceilings =
        $"step {profile.Step}: "
        + shown "0.0" (profile.Seconds * 1e3)
        + " ms; ceilings "
        + shown "0" (profile.Ceilings.Operations / 1e9)
        + " GFLOP/s (a large product) and "
        + shown "0.0" (profile.Ceilings.Bytes / 1e9)
        + " GB/s (a large copy)"

    let reads =
        match profile.Reads with
        | 1L -> "values were read once"
        | n -> $"values were read {n} times"

    [ ceilings; reads; ""; yield! shares; ""; yield! rows ]
