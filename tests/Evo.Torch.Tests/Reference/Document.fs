/// The page about the surface says what is absent, and says so of today's surface.
module Evo.Torch.Tests.Reference.Document

open System
open System.IO
open Xunit
open TorchSharp
open Evo.Torch.Tests

let private page =
    lazy (Path.GetFullPath(Path.Combine(Golden.folder.Value, "..", "..", "docs", "torchsharp.md")))

let private first, last = "<!-- absent: begin -->", "<!-- absent: end -->"

/// Each class of ours with the members of the classes below it, as if it declared them itself.
let private inherited () =
    let rec all (t: Type) =
        [
            yield! Reflected.linesOf t
            match t.BaseType with
            | null -> ()
            | b when b.Assembly <> t.Assembly -> ()
            | b ->
                let b = if b.IsGenericType then b.GetGenericTypeDefinition() else b
                let own, above = Reflected.name t, Reflected.name b

                for line in all b do
                    if line.StartsWith(above + ".") then
                        own + line[above.Length ..]
        ]

    typeof<torch>.Assembly.GetTypes()
    |> Seq.filter (fun t -> string t.Namespace |> fun n -> n.StartsWith "TorchSharp" && t.IsVisible)
    |> Seq.collect all
    |> Seq.map Surface.normal
    |> Set.ofSeq

/// Members of the list that are no use to a program: the machinery of the original.
let private machinery (line: string) =
    line.Contains ".Finalize()"
    || line.Contains ".value__ "
    || line.Contains "IntPtr handle"
    || line.Contains "LossClosure"

let private absent () =
    let ours = inherited ()

    let list = Surface.linesOf "torchsharp-api.txt"

    let missing =
        list
        |> Array.filter (fun line -> not (ours.Contains(Surface.normal line)) && not (machinery line))
        |> Array.map Signatures.parse

    let classes, members =
        missing
        |> Array.partition (fun l ->
            match l.Member with
            | Signatures.Type _ -> true
            | _ -> false)

    let isGone (owner: Signatures.TypeName) =
        classes |> Array.exists (fun c -> c.Owner = owner)

    [
        yield first
        yield "## Absent"
        yield ""
        yield
            $"Of the {list.Length} lines of the list {missing.Length} are absent. Whole classes: "
            + (classes
               |> Seq.map (fun c -> $"`{Signatures.showType c.Owner}`")
               |> Seq.sort
               |> String.concat ", ")
            + "."
        yield ""
        yield "Members of classes that are here, by class (in brackets: how many overloads):"
        yield ""

        for owner, group in
            members
            |> Array.groupBy (fun m -> Signatures.showType m.Owner)
            |> Array.sortBy fst do
            if not (isGone group[0].Owner) then
                let names =
                    group
                    |> Array.countBy _.Name
                    |> Array.sortBy fst
                    |> Array.map (fun (name, count) -> if count = 1 then name else $"{name} ({count})")

                yield $"""- `{owner}`: {String.concat ", " names}"""

        yield last
    ]
    |> String.concat "\n"

[<Fact>]
let ``the page lists what is absent`` () =
    let text = File.ReadAllText page.Value

    let before, after =
        text[.. text.IndexOf first - 1], text[text.IndexOf last + last.Length ..]

    let now = before + absent () + after

    match Environment.GetEnvironmentVariable "EVO_ACCEPT" with
    | null
    | "" -> Assert.Equal(now, text)
    | _ -> File.WriteAllText(page.Value, now)
