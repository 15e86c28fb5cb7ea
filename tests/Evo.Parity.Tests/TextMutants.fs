/// Mistakes in the emitted text itself, and in the table that the compiler reads: what they lead to must be seen.
module Evo.Parity.Tests.TextMutants

open System
open System.Text.RegularExpressions
open Evo.Generators.Spec.Algebra
open Evo.Models
open Evo.Parallel
open Evo.Parity.Tests.Recipes
open Evo.Parity.Tests.RecipeText
open Xunit

/// Records that together have every kind of collective.
let private grounds =
    [
        "Plain",
        { simplest with
            Heads = 4
            KvHeads = 2
            HeadSize = 4
            Inner = 8
            Words = 17
            Layers = 2
            Place = Rotary
            Mlp = Gated
            QkNorm = true
            Bias = true
            Drops = true
        }
        "Sparse",
        { simplest with
            Heads = 4
            KvHeads = 2
            HeadSize = 4
            Inner = 8
            Words = 17
            Norm = Layer
            Residual = PostNorm
            Place = Learned
            Mlp = Mixture
            Drops = true
        }
        "Wide",
        { simplest with
            Heads = 4
            KvHeads = 4
            HeadSize = 4
            Inner = 8
            Words = 17
            Residual = Parallel
            Projection = FusedByHead
            Place = Alibi
            Mlp = GatedByLinear
            Scaled = true
        }
    ]

let private specs =
    [ for name, recipe in grounds -> $"{name}.cs", text name recipe ]

let private layouts =
    [
        ParityLayout(ParallelMode.Mtp, 2)
        ParityLayout(ParallelMode.Mtp, 2, EmbedSplitHidden = false)
        ParityLayout(ParallelMode.Msp, 2)
        ParityLayout(ParallelMode.Msp, 2, EmbedSplitHidden = false)
        ParityLayout(ParallelMode.Fsp, 2)
        ParityLayout(ParallelMode.Fsp, 2, EmbedSplitHidden = false)
        ParityLayout(ParallelMode.Isp, 2, 2)
        // The branch of tokens that are shared out before the experts.
        ParityLayout(ParallelMode.Mtp, 2, Expert = 2, NoTp = true)
        // More ranks than key-value heads, and more than one of those: their numbers differ where their parts do not.
        ParityLayout(ParallelMode.Mtp, 4)
        ParityLayout(ParallelMode.Msp, 4)
        ParityLayout(ParallelMode.Fsp, 4)
        ParityLayout(ParallelMode.Isp, 4, 4)
    ]

/// What each record gives on one device as it should be emitted.
let private serial =
    lazy
        (let assembly = Compiling.load specs (Compiling.emit AlgebraTable.Standard specs)

         Map
             [
                 for name, _ in grounds do
                     let spec = Compiling.start (Compiling.family assembly $"{name}.Made")
                     let batch = Small.batch 9 2 8 spec
                     name, (batch, Parity.Step(spec, ParityLayout.Serial, batch))
             ])

/// Whether some layout of some record no longer gives that. Emitted text that does not compile is no mutant: None.
let private seen (emitted: (string * string) list) =
    let assembly =
        try
            Some(Compiling.load specs emitted)
        with _ ->
            None

    assembly
    |> Option.map (fun assembly ->
        grounds
        |> List.exists (fun (name, _) ->
            let batch, expected = serial.Value[name]

            layouts
            |> List.exists (fun layout ->
                try
                    let spec = Compiling.start (Compiling.family assembly $"{name}.Made")
                    let found = Parity.Step(spec, layout, batch, timeLimit = TimeSpan.FromSeconds 20.0)
                    let struct (error, _) = found.Compare expected
                    not (error <= Parity.Tolerance) || found.Unequal.Count > 0
                with _ ->
                    true)))

let private judge (what: string) (mutants: (string * (string * string) list option) list) =
    // Without a mistake there is nothing to see; else every mutant would count as killed.
    Assert.Equal(Some false, seen (Compiling.emit AlgebraTable.Standard specs))

    // What the compiler of specs refuses is seen before anything runs.
    let results =
        [
            for name, emitted in mutants ->
                name,
                (match emitted with
                 | Some emitted -> seen emitted
                 | None -> Some true)
        ]

    let judged = results |> List.filter (fun (_, r) -> r.IsSome)
    let survivors = judged |> List.filter (fun (_, r) -> r = Some false)
    let dead = judged.Length - survivors.Length

    let report =
        String.concat
            "\n"
            [
                yield $"{dead} of {judged.Length} {what} killed"
                for name, _ in survivors do
                    yield $"  survived: {name}"
            ]

    Console.WriteLine report
    Assert.True(float dead >= 0.98 * float judged.Length, report)
    judged.Length

/// Edits of one statement: a pattern and what stands in its place.
let private edits =
    [
        "a copy, a sum or a settling left out",
        @"Collective\.(?:Copy|Reduce|ReduceReplicated)\(tensor, ([A-Za-z0-9_.]+), \d+\)",
        "$1"
        "a copy for a sum", @"Collective\.Reduce\(", "Collective.Copy("
        "a sum for a copy", @"Collective\.Copy\(", "Collective.Reduce("
        "a replicated sum for an invariant one", @"Collective\.Reduce\(", "Collective.ReduceReplicated("
        "a slice for a reduce-scatter", @"Collective\.ReduceScatter\(", "Collective.Split("
        "an invariant gather for a gather", @"Collective\.Gather\(", "Collective.GatherInvariant("
        "a gather for an invariant one", @"Collective\.GatherInvariant\(", "Collective.Gather("
        "a replicated slice for an invariant one", @"Collective\.Split\(", "Collective.SplitReplicated("
        "positions of the whole for a share's", @"at\.Part\(tensor\)", "at"
        "the tensor axis alone for the weight axis",
        @"Shard\.Gather\(weight, ([A-Za-z0-9_.]+), .*, \d+\)",
        "$1"
        "a bias added to parts", @"Shard\.Add\(([A-Za-z0-9]+)_(?:I|S1), ", "Shard.Add($1_P, "
        "heads not repeated", @"Shard\.Repeat\(([A-Za-z0-9_]+), .*?, tensor\.Size\)", "$1"
        "dropped as if there were no other tokens, features or heads",
        @"(own\.Random\.(?:Dropout|Attention)\(.*?), tensor(?:, .*?)?\)",
        "$1)"
        "this rank's labels for another's",
        @"Shard\.Own\(tensor, labels, 1\)",
        "labels.narrow(1, 0, labels.shape[1] / tensor.Size)"
        "another chunk for this rank's rows", @"\.split\(\[([^,\]]+), ([^,\]]+)", ".split([$2, $1"
    ]

let private textMutants (count: int) =
    let emitted = Compiling.emit AlgebraTable.Standard specs

    let all =
        [
            for file, body in emitted do
                let lines = body.Split '\n'

                for i in 0 .. lines.Length - 1 do
                    // Forwards of modes, not parts' own bodies or tables. Token ids have no gradient: a slice of them that has
                    // another backward is the same slice.
                    if
                        lines[i].StartsWith "        "
                        && (lines[i].Contains "tensor" || lines[i].Contains "weight,")
                        && not (lines[i].Contains "var ids_")
                    then
                        for name, pattern, instead in edits do
                            let changed = Regex(pattern).Replace(lines[i], instead, 1)

                            if changed <> lines[i] then
                                let mutated = Array.copy lines
                                mutated[i] <- changed
                                let other = String.Join("\n", mutated)

                                yield
                                    $"{file} line {i + 1}, {name}: {changed.Trim()}",
                                    Some [ for f, b in emitted -> f, (if f = file then other else b) ]
        ]

    [
        for k in 0 .. min count all.Length - 1 -> all[k * all.Length / min count all.Length]
    ]

[<Fact; Trait("Category", "Full")>]
let ``mistakes in emitted text are seen`` () =
    // Some edits give text that does not compile, which is no mutant.
    Assert.True(judge "edits of emitted text" (textMutants 110) >= 50)

/// Every rule of every operator with another output, where that changes what is emitted.
let private tableMutants (count: int) =
    let table = Compiling.algebraText
    let standard = Compiling.emit AlgebraTable.Standard specs
    let lines = table.Split '\n'

    let changed =
        [
            for i in 0 .. lines.Length - 1 do
                let rule =
                    Regex.Match(
                        lines[i],
                        @"^    (?<inputs>[^#]*?) -> (?<output>S\([a-z0-9 +-]*\)|[RIP])(?<rest>.*)$"
                    )

                if rule.Success then
                    for output in [ "R"; "I"; "P"; "S(1)"; "S(2)" ] do
                        if output <> rule.Groups["output"].Value then
                            let mutated = Array.copy lines

                            mutated[i] <-
                                "    "
                                + rule.Groups["inputs"].Value
                                + " -> "
                                + output
                                + rule.Groups["rest"].Value

                            let emitted =
                                try
                                    Some(
                                        Compiling.emit (AlgebraTable.Parse(String.Join("\n", mutated))) specs
                                    )
                                with _ ->
                                    None

                            if emitted <> Some standard then
                                yield $"line {i + 1} of the table: {mutated[i].Trim()}", emitted
        ]

    [
        for k in 0 .. min count changed.Length - 1 -> changed[k * changed.Length / min count changed.Length]
    ]

[<Fact; Trait("Category", "Full")>]
let ``mistakes in the table of placements are seen in what it leads to`` () =
    Assert.True(judge "wrong rules of the table" (tableMutants 60) >= 10)
