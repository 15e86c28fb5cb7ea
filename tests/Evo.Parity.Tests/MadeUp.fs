/// The suite on records that nobody wrote: drawn from a grammar, compiled in memory, shrunk to the smallest that fails.
module Evo.Parity.Tests.MadeUp

open System
open Evo.Generators.Spec.Algebra
open Evo.Models
open Evo.Parallel
open Evo.Parity.Tests.Recipes
open Evo.Parity.Tests.RecipeText
open FsCheck
open FsCheck.FSharp
open Xunit

/// What the suite finds wrong with a model: every mode at every degree up to `most`.
let private suite (most: int) (recipe: Recipe) (spec: CausalLM) =
    let batch = Small.batch 7 2 8 spec
    let serial = Parity.Step(spec, ParityLayout.Serial, batch)

    let chosen =
        [
            for mode in Small.modes do
                for layout in Small.layouts spec mode do
                    if
                        layout.World <= most
                        && (layout.Weight = layout.Tensor || mode <> ParallelMode.Isp || layout.Weight = 1)
                    then
                        layout
        ]

    let wrong =
        [
            for layout in chosen do
                yield! Suite.parity spec batch serial layout
            // A mode's causality once, at its smallest degree.
            for _, layouts in chosen |> List.groupBy _.Mode do
                yield! Suite.causality spec batch layouts.Head
            yield! Suite.packing spec
            yield! Suite.roundTrip spec
            yield! spec.Problems() |> List.ofSeq
        ]

    ignore recipe
    chosen.Length, wrong

let private compileAll (recipes: (string * Recipe) list) =
    let texts = [ for name, recipe in recipes -> $"{name}.cs", text name recipe ]
    let assembly = Compiling.load texts (Compiling.emit AlgebraTable.Standard texts)

    [
        for name, _ in recipes -> Compiling.start (Compiling.family assembly $"{name}.Made")
    ]

/// What is wrong with one recipe, compiled by itself.
let private examine (most: int) (recipe: Recipe) =
    try
        suite most recipe (compileAll [ "Alone", recipe ]).Head |> snd
    with e ->
        [ e.Message ]

/// The smallest recipe that fails as this one does.
let rec private shrink (most: int) (recipe: Recipe) (wrong: string list) =
    recipes.Shrinker recipe
    |> Seq.tryPick (fun smaller ->
        match examine most smaller with
        | [] -> None
        | found -> Some(smaller, found))
    |> function
        | Some(smaller, found) -> shrink most smaller found
        | None -> recipe, wrong

let private run (count: int) (most: int) (seed: uint64) =
    let drawn =
        recipes.Generator
        |> Gen.sampleWithSeed (Rnd(seed, 1UL)) 50 count
        |> List.ofArray

    let mutable compared = 0
    let failed = ResizeArray<Recipe * string list>()

    // Compiled many at a time: one call of the compiler costs more than a small model's suite.
    for batch in drawn |> List.indexed |> List.chunkBySize 50 do
        let named = [ for i, recipe in batch -> $"Made{i}", recipe ]

        for (_, recipe), spec in List.zip named (compileAll named) do
            let layouts, wrong =
                try
                    suite most recipe spec
                with e ->
                    0, [ e.Message ]

            compared <- compared + layouts

            if not wrong.IsEmpty then
                failed.Add(recipe, wrong)

    if failed.Count > 0 then
        let first, wrong = failed[0]
        let smallest, found = shrink most first wrong
        let found, spec = String.concat "\n" found, text "Alone" smallest

        let all =
            String.concat "\n" [ for recipe, wrong in failed -> $"""{recipe}: {String.concat "; " wrong}""" ]

        Assert.Fail
            $"{failed.Count} of {count} records fail\nsmallest of the first: {smallest}\n{found}\n{spec}\nall:\n{all}"

    let distribution =
        drawn
        |> List.collect features
        |> List.countBy id
        |> List.sortByDescending snd
        |> List.map (fun (feature, n) -> $"{feature} {100 * n / count} %%")
        |> String.concat ", "

    Console.WriteLine $"{count} made-up records, {compared} layouts compared: {distribution}"
    Assert.True(compared >= count, "too few layouts were legal")

[<Fact>]
let ``a hundred made-up records pass the suite`` () = run 100 4 1UL

[<Fact; Trait("Category", "Full")>]
let ``a thousand made-up records pass the suite`` () = run 1000 8 2UL
