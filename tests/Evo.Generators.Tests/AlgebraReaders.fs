/// The two readers of algebra.txt, the one in Evo.Core and the compiler's own, say the same of every text.
module Evo.Generators.Tests.AlgebraReaders

open System
open Xunit
open Evo.Core

type private Theirs = Evo.Generators.Spec.Algebra.AlgebraTable
type private TheirPlacement = Evo.Generators.Spec.Algebra.Placement
type private Refused = Evo.Generators.Spec.Algebra.AlgebraException

let private theirs (placement: Placement) : TheirPlacement =
    match placement with
    | Replicated -> TheirPlacement.Replicated
    | Invariant -> TheirPlacement.Invariant
    | Sharded dim -> TheirPlacement.Sharded dim
    | Partial -> TheirPlacement.Partial

let private lines (algebra: Algebra) =
    [
        for KeyValue(kind, gradient) in algebra.Gradients do
            $"placement {kind} gradient {gradient}"
        for KeyValue(wire, cost) in algebra.Costs do
            $"wire {wire} {cost.Parts} {cost.Crumbs}"
        for collective in algebra.Collectives do
            $"collective {collective}"
        for operator in algebra.Operators do
            string operator

            for rule in operator.Rules do
                $"    {rule}"
    ]

let private linesOf (table: Theirs) =
    [
        for KeyValue(kind, gradient) in table.Gradients do
            $"placement {TheirPlacement.Letter kind} gradient {TheirPlacement.Letter gradient}"
        for KeyValue(wire, cost) in table.Costs do
            $"wire {Evo.Generators.Spec.Algebra.Collective.Text wire} {cost.Parts} {cost.Crumbs}"
        for collective in table.Collectives do
            $"collective {collective}"
        for operator in table.Operators do
            string operator

            for rule in operator.Rules do
                $"    {rule}"
    ]

/// The problems that each reader finds, as text.
let private problems (text: string) =
    let mine =
        match Algebra.parse text with
        | Ok _ -> []
        | Error problems -> problems |> List.map string

    let theirs =
        try
            Theirs.Parse text |> ignore
            []
        with :? Refused as refused ->
            [ for problem in refused.Problems -> string problem ]

    mine, theirs

let private places rank =
    [
        Replicated
        Invariant
        Partial
        for dim in 0 .. rank - 1 do
            Sharded dim
    ]

let rec private product (choices: 'a list list) =
    match choices with
    | [] -> [ [] ]
    | first :: rest ->
        [
            for head in first do
                for tail in product rest -> head :: tail
        ]

[<Fact>]
let ``both readers read the same table`` () =
    Assert.Equal<string list>(lines (Algebra.standard ()), linesOf Theirs.Standard)

[<Fact>]
let ``both readers give every operator the same output for all placements, numbers of dims and parameters``
    ()
    =
    let mine = Algebra.standard ()
    let table = Theirs.Standard
    let mutable asked = 0
    let mutable listed = 0

    for operator in mine.Operators do
        let ranks =
            product
                [
                    for input in operator.Inputs -> if input.Open then [ 0..4 ] else [ input.Dims.Length ]
                ]

        let parameters = product [ for _ in operator.Parameters -> [ 0..3 ] ]

        for ranks in ranks do
            for inputs in product (ranks |> List.map (fun rank -> places (rank + 1))) do
                for parameters in parameters do
                    let expected = mine.Output(operator.Name, inputs, ranks, parameters)

                    let found =
                        table.Output(operator.Name, List.map theirs inputs, ranks, parameters)
                        |> Option.ofNullable

                    asked <- asked + 1
                    listed <- listed + (if expected.IsSome then 1 else 0)

                    if Option.map theirs expected <> found then
                        Assert.Fail
                            $"{operator.Name} of {inputs} with {ranks} dims by {parameters}: {expected}, {found}"

    Assert.InRange(listed, 1, asked - 1)
    printfn $"both readers: {asked} combinations, {listed} of them listed"

[<Fact>]
let ``both readers find the same steps, duals and cheapest ways`` () =
    let mine = Algebra.standard ()
    let table = Theirs.Standard

    for source in places 3 do
        for target in places 3 do
            let text steps =
                steps |> Seq.map string |> String.concat "; "

            let ours = mine.Step(source, target)
            let their = table.Step(theirs source, theirs target) |> Option.ofObj
            Assert.Equal(Option.map string ours, Option.map string their)

            Assert.Equal(
                ours |> Option.bind mine.Dual |> Option.map string,
                their |> Option.bind (table.Dual >> Option.ofObj) |> Option.map string
            )

            Assert.Equal(
                Redistribute.plan mine source target |> Option.map text,
                table.Path(theirs source, theirs target) |> Option.ofObj |> Option.map text
            )

[<Fact>]
let ``both readers find the same ways in a table that lacks collectives or has other costs`` () =
    let text = Algebra.standardText ()
    let rows = text.Split '\n'

    let tables =
        [
            for i in 0 .. rows.Length - 1 do
                // A collective and its dual, so that what is left is a table.
                if rows[i].StartsWith("collective", StringComparison.Ordinal) then
                    let words = rows[i].Split(' ', StringSplitOptions.RemoveEmptyEntries)
                    let names = [ words[1]; Array.last words ]

                    rows
                    |> Array.filter (fun row ->
                        not (
                            names
                            |> List.exists (fun name ->
                                row.StartsWith($"collective {name} ", StringComparison.Ordinal))
                        ))
                    |> String.concat "\n"
            text.Replace("1 crumb", "3 parts")
            text.Replace("2 parts", "5 parts")
        ]

    Assert.Equal(15, tables.Length)

    for table in tables do
        match Algebra.parse table with
        | Error problems -> Assert.Fail(String.Join("\n", problems))
        | Ok mine ->
            let their = Theirs.Parse table

            let text steps =
                steps |> Seq.map string |> String.concat "; "

            for source in places 3 do
                for target in places 3 do
                    Assert.Equal(
                        Redistribute.plan mine source target |> Option.map text,
                        their.Path(theirs source, theirs target) |> Option.ofObj |> Option.map text
                    )

/// Edits of the table, and what both readers must say of each: a text on the line that is meant ("" for the line that was
/// edited, "*" for the whole), the column, and the words.
let private edits: (string * string * (string * int * string) list) list =
    let only before after column words = before, after, [ "", column, words ]

    [
        only "placement R  Repl" "placement Q  Repl" 11 "Q: a placement is expected: R, I, S or P."
        only "gradient P " "grad P " 26 "grad: 'gradient' is expected."
        "placement P  Partial     gradient R",
        "",
        [
            "*", 0, "P: this placement is missing."
            "placement R", 1, "P: the gradient of the gradient of R must be R, and only S has S."
        ]
        only "all_to_all      1 crumb" "all_to_all      1 mile" 24 "mile: 'parts' or 'crumbs' is expected."
        "wire slice           nothing",
        "",
        [
            "collective split ", 1, "slice: the cost of this wire is missing."
            "collective split_replicated", 1, "slice: the cost of this wire is missing."
        ]
        only
            "P -> I        all_reduce"
            "P -> I        all_reducee"
            45
            "all_reducee: a wire is expected: none, all_reduce, all_gather, reduce_scatter, all_to_all, slice, pad, keep."
        "all_reduce      dual copy",
        "all_reduce      dual reduce",
        [
            "collective copy", 1, "reduce: the dual of this is reduce, and must be copy."
            "", 1, "reduce: the dual of P -> I must be I -> R, and this is P -> I."
        ]
        "all_gather      dual split",
        "all_gather      dual spilt",
        [
            "", 1, "spilt: there is no collective of this name."
            "collective split ", 1, "gather_invariant: the dual of this is spilt, and must be split."
        ]
        "collective keep               R -> P",
        "collective keep               S(a) -> P",
        [
            "", 1, "S -> P: this step stands on line {collective pad} already."
            "", 1, "keep: the dual of S -> P must be R -> S, and this is S -> P."
        ]
        // The rules below are not read as those of the operator before.
        only "operator softmax (x[..., c])" "operator softmax (x[..., c]" 28 "')' is expected."
        only
            "S(last), S(1) -> P"
            "S(last), S(1) -> S(o)"
            24
            "o: a dim is expected: a number, last, rank(input), or a name that an input's S(name) binds."
        only
            "    S(last), S(1) -> P"
            "    S(last) -> P"
            13
            "->: operator linear has 2 inputs, and 1 placements stand before '->'."
        only
            "S(d - b + a)    if d > b"
            "S(d - b + a)    if d is b"
            34
            "is: a comparison is expected: = != < <= > or >=."
        only "R|I, S(0) -> P" "R|S(0), S(0) -> P" 7 "S: S(dim) stands alone; R, I or P is expected."
        only "R|I, S(0) -> P" "R|I, S(0) -> P|R" 21 "one placement is expected after '->'."
        only "R|I, S(0) -> P" "R|I, S(0) -> P, R" 19 ",: nothing more is expected on this line."
        only
            "operator squeeze"
            "operator unsqueeze"
            1
            "unsqueeze: this operator stands on line {operator unsqueeze} already."
        only "where a != b" "where a != rank(z)" 53 "z: the name of an input is expected."
    ]

[<Fact>]
let ``both readers refuse a malformed text with the same words, and say the line and what would be right``
    ()
    =
    let text = Algebra.standardText ()

    let lineOf (words: string) =
        let at = text.IndexOf(words, StringComparison.Ordinal)
        Assert.True(at >= 0, $"the table has no '{words}'")
        text.Substring(0, at).Split('\n').Length

    for before, after, expected in edits do
        let edited = lineOf before

        let place mark column =
            match mark with
            | "*" -> "algebra.txt"
            | "" -> $"algebra.txt:{edited}:{column}"
            | mark -> $"algebra.txt:{lineOf mark}:{column}"

        let words (words: string) =
            System.Text.RegularExpressions.Regex.Replace(
                words,
                "{(.*)}",
                fun found -> string (lineOf found.Groups[1].Value)
            )

        let at = text.IndexOf(before, StringComparison.Ordinal)
        let mine, their = problems (text.Remove(at, before.Length).Insert(at, after))

        Assert.Equal<string list>(
            [ for mark, column, rule in expected -> $"{place mark column}: {words rule}" ],
            mine
        )

        Assert.Equal<string list>(mine, their)

[<Fact>]
let ``both readers say the same of every text that lacks one word`` () =
    let text = Algebra.standardText ()
    let rows = text.Split '\n'
    let mutable refused = 0

    for i in 0 .. rows.Length - 1 do
        let words = rows[i].Split('#').[0].Split(' ', StringSplitOptions.RemoveEmptyEntries)

        for without in 0 .. words.Length - 1 do
            let edited = Array.copy rows
            edited[i] <- String.Join(" ", Array.removeAt without words)
            let edited = String.Join("\n", edited)
            let mine, their = problems edited
            Assert.Equal<string list>(mine, their)

            if mine.IsEmpty then
                match Algebra.parse edited with
                | Ok algebra -> Assert.Equal<string list>(lines algebra, linesOf (Theirs.Parse edited))
                | Error _ -> ()
            else
                refused <- refused + 1

    Assert.True(refused > 500, $"only {refused} were refused")
