/// The law of parity for what is drawn: a model, a layout with its micro-batches, schedule and recompute, and how its ranks
/// talk. What fails is shrunk to the smallest world that fails.
module Evo.Parity.Tests.DrawnLayouts

open System
open System.Collections.Generic
open Evo.Generators.Spec.Algebra
open Evo.Models
open Evo.Parallel
open Evo.Parity.Tests.Recipes
open Evo.Parity.Tests.RecipeText
open Evo.Torch
open Evo.Core
open FsCheck
open FsCheck.FSharp
open Xunit

/// A model, and every layout that it allows.
type private Subject =
    {
        Name: string
        Spec: CausalLM
        Facts: ModelFacts
        Legal: Lazy<Layout list>
        Reference: Layouts.Reference
    }

let private subject (name: string) (spec: CausalLM) =
    let facts = LayoutFacts.Of(spec, Layouts.length)

    {
        Name = name
        Spec = spec
        Facts = facts
        Legal = lazy (Layouts.enumerate facts 8)
        Reference = Layouts.Reference spec
    }

/// Records that nobody wrote, deep enough for stages and heads that divide.
let private madeUp count (seed: uint64) =
    let drawn =
        recipes.Generator
        |> Gen.filter (fun recipe -> recipe.Heads % 2 = 0)
        |> Gen.sampleWithSeed (Rnd(seed, 1UL)) 50 count
        |> Array.mapi (fun i recipe -> $"Made{i}", { recipe with Layers = 4 })
        |> List.ofArray

    let texts = [ for name, recipe in drawn -> $"{name}.cs", text name recipe ]
    let assembly = Compiling.load texts (Compiling.emit AlgebraTable.Standard texts)

    [
        for name, recipe in drawn ->
            subject $"{recipe}" (Compiling.start (Compiling.family assembly $"{name}.Made"))
    ]

let private subjects count seed =
    Array.ofList
        [
            for family in ModelFamilies.All do
                subject family.Name (Layouts.small 4 family)
            yield! madeUp count seed
        ]

/// What is drawn.
type private Drawn =
    {
        Subject: int
        Layout: Layout
        BucketElements: int64
        Overlap: bool
        SplitHidden: bool
        GatherAhead: int
    }

let private probeOf (drawn: Drawn) =
    ParityProbe(
        BucketElements = drawn.BucketElements,
        Overlap = drawn.Overlap,
        EmbedSplitHidden = drawn.SplitHidden,
        GatherAhead = drawn.GatherAhead
    )

let private plain = ParityProbe()

/// Worlds are drawn alike, for most layouts have eight ranks.
let private draw (subjects: Subject array) =
    gen {
        let! number = Gen.choose (0, subjects.Length - 1)

        let byWorld =
            subjects[number].Legal.Value
            |> List.groupBy (fun layout -> layout.Degrees.World)

        let! _, layouts = Gen.elements byWorld
        let! layout = Gen.elements layouts
        let! bucket = Gen.elements [ 300L; 2000L; 1000000L ]
        let! overlap = Gen.elements [ true; false ]
        let! split = Gen.elements [ true; false ]
        let! ahead = Gen.choose (0, 2)

        return
            {
                Subject = number
                Layout = layout
                BucketElements = bucket
                Overlap = overlap
                SplitHidden = split
                GatherAhead = ahead
            }
    }

/// Smaller layouts first, then the first model instead of another, then plain ways to talk.
let private simpler (subjects: Subject array) (drawn: Drawn) =
    seq {
        for layout in Layouts.smaller subjects[drawn.Subject].Facts drawn.Layout do
            { drawn with Layout = layout }

        if drawn.Subject > 0 && Legality.isLegal subjects[0].Facts drawn.Layout then
            { drawn with Subject = 0 }

        if drawn.BucketElements <> plain.BucketElements then
            { drawn with
                BucketElements = plain.BucketElements
            }

        if not drawn.Overlap then
            { drawn with Overlap = true }

        if not drawn.SplitHidden then
            { drawn with SplitHidden = true }

        if drawn.GatherAhead <> plain.GatherAhead then
            { drawn with
                GatherAhead = plain.GatherAhead
            }
    }

/// Runs draws until one fails; that one at its smallest, or nothing, and how many ran, with the largest error.
let private hunt (subjects: Subject array) count (seed: uint64) (change: ParityProbe -> ParityProbe) =
    let draws = Arb.fromGenShrink (draw subjects, simpler subjects)
    let mutable largest = 0.0

    let examine (drawn: Drawn) =
        let subject = subjects[drawn.Subject]

        let found, error =
            Layouts.wrong subject.Reference subject.Spec drawn.Layout (change (probeOf drawn))

        largest <- max largest error
        found

    let rec shrink (drawn: Drawn) found =
        draws.Shrinker drawn
        |> Seq.tryPick (fun smaller ->
            match examine smaller with
            | [] -> None
            | wrong -> Some(smaller, wrong))
        |> function
            | Some(smaller, wrong) -> shrink smaller wrong
            | None -> drawn, found

    let drawn = draws.Generator |> Gen.sampleWithSeed (Rnd(seed, 1UL)) 50 count

    let failed =
        drawn
        |> Seq.tryPick (fun one ->
            match examine one with
            | [] -> None
            | found -> Some(shrink one found))

    failed, drawn, largest

let private run count models seed =
    let subjects = subjects models seed
    let watch = Diagnostics.Stopwatch.StartNew()
    let failed, drawn, largest = hunt subjects count seed id

    match failed with
    | Some(least, wrong) ->
        let wrong = String.concat "\n" wrong
        Assert.Fail $"{subjects[least.Subject].Name}\n{least}\n{wrong}"
    | None -> ()

    let kinds =
        drawn
        |> Array.countBy (fun d -> d.Layout.ScheduleName)
        |> Array.sortByDescending snd

    let worlds = drawn |> Array.countBy (fun d -> d.Layout.Degrees.World) |> Array.sort

    Console.WriteLine
        $"{count} layouts drawn of {subjects.Length} models, largest error {largest:g3}, {watch.Elapsed.TotalSeconds:f0} s; worlds {List.ofArray worlds}, {List.ofArray kinds}"

[<Fact>]
let ``drawn models at drawn layouts are one device`` () = run 30 4 3UL

[<Fact; Trait("Category", "Full")>]
let ``many drawn models at many drawn layouts are one device`` () = run 600 40 4UL

/// As if the sum over replicas of a share had been forgotten.
type private Forgetful(inner: ProcessGroup) =
    inherit GroupDecorator(inner)

    override _.Around(call, x) =
        if call.Site.Number = OptimizerSites.ReduceReplicas then
            (nonNull x).clone()
        else
            GroupDecorator.Pass(inner, call, x)

[<Fact>]
let ``a forgotten sum is shrunk to two ranks with one micro-batch`` () =
    let subjects = subjects 0 1UL

    let forget (probe: ParityProbe) =
        ParityProbe(
            BucketElements = probe.BucketElements,
            Overlap = probe.Overlap,
            EmbedSplitHidden = probe.EmbedSplitHidden,
            Around =
                Func<ProcessGroup, ProcessGroup>(fun group ->
                    if group.Size = 1 then
                        group
                    else
                        new Forgetful(group) :> ProcessGroup)
        )

    match hunt subjects 30 5UL forget with
    | None, _, _ -> Assert.Fail "nobody saw it"
    | Some(least, _), _, _ ->
        let expected =
            { Layout.Single with
                Degrees = { Degrees.Single with World = 2 }
            }

        Assert.Equal<Layout>(expected, least.Layout)
        Assert.Equal(0, least.Subject)
