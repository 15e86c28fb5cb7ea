/// Ranks and groups of ranks as a person reads them.
module Evo.Cli.Ranks

open System
open System.Collections.Generic
open Evo.Core

/// `0-3`, `0,2,4,6`, or of many in equal steps `0,8,...,1016`.
let group (ranks: IReadOnlyList<int>) =
    let last = ranks[ranks.Count - 1]

    let steps =
        ranks
        |> Seq.pairwise
        |> Seq.map (fun (a, b) -> b - a)
        |> Seq.distinct
        |> List.ofSeq

    match steps with
    | [ 1 ] when ranks.Count > 2 -> $"{ranks[0]}-{last}"
    | [ _ ] when ranks.Count > 8 -> $"{ranks[0]},{ranks[1]},...,{last}"
    | _ -> String.Join(",", ranks)

/// At most so many items are written out; how many are left over is said.
let private shown = 64

/// The first of many, and a line for the rest.
let first (items: 'a seq) (line: 'a -> string list) (more: int -> string) : string list list =
    let items = Array.ofSeq items

    [
        for item in Array.truncate shown items do
            line item
        if items.Length > shown then
            [ more (items.Length - shown) ]
    ]

/// All groups of an axis on one line, as far as a line goes.
let groups (groups: IReadOnlyList<IReadOnlyList<int>>) =
    let most = 8

    let written =
        groups
        |> Seq.truncate most
        |> Seq.map (fun ranks -> $"[{group ranks}]")
        |> String.concat " "

    if groups[0].Count = 1 then
        "each rank alone"
    elif groups.Count > most then
        $"{written} and {groups.Count - most} more"
    else
        written

let number (value: int) = Json.make (JNumber(string value))

let list (ranks: int seq) =
    Json.make (JArray [ for rank in ranks -> number rank ])
