/// The records of the samples, which no project here references, pass the suite that every family passes.
module Evo.Parity.Tests.Samples

open System
open System.IO
open Evo.Generators.Spec.Algebra
open Evo.Models
open Evo.Parallel
open Evo.Parallel.Verification
open Xunit

let private checkout =
    let rec up (folder: DirectoryInfo | null) =
        match folder with
        | null -> invalidOp "Evo.sln is in no folder above the tests"
        | found when File.Exists(Path.Combine(found.FullName, "Evo.sln")) -> found.FullName
        | other -> up other.Parent

    up (DirectoryInfo AppContext.BaseDirectory)

/// Each sample, compiled as its own project compiles it: through the generator, knowing nothing of these tests.
let private sample (name: string) =
    let folder = Path.Combine(checkout, "samples", name)

    let texts =
        [
            for file in DirectoryInfo(folder).GetFiles "*.cs" -> file.Name, File.ReadAllText file.FullName
        ]

    let assembly = Compiling.load texts (Compiling.emit AlgebraTable.Standard texts)
    Small.make (Compiling.start (Compiling.family assembly name))

[<Fact>]
let ``a stranger's record passes the suite in every mode at every degree`` () =
    let spec = sample "Tandem"
    let batch = Small.batch 5 2 16 spec
    let serial = Parity.Step(spec, ParityLayout.Serial, batch)

    let layouts =
        [
            for mode in Small.modes do
                yield! Small.layouts spec mode
        ]

    let wrong =
        [
            for layout in layouts do
                yield! Suite.parity spec batch serial layout
            for _, same in layouts |> List.groupBy _.Mode do
                yield! Suite.causality spec batch same.Head
            yield! Suite.packing spec
            yield! Suite.roundTrip spec
            yield! spec.Problems()
        ]

    Assert.Empty wrong
    Assert.True(layouts.Length > 10, $"{layouts.Length} layouts are too few")
    Console.WriteLine $"TANDEM: {layouts.Length} layouts"

[<Fact>]
let ``a stranger's record, made tiny, holds at every pair of settings on up to four ranks`` () =
    let spec = sample "Tandem"
    let law = LayoutLaw spec

    let facts =
        { LayoutFacts.Of(spec) with
            Layers = LayoutCase.MostLayers 4
        }

    let report = LayoutReport.Run("Tandem", law, LayoutChoice.Of(facts, law, 4, false))

    let wrong =
        [
            for verdict in report.Verdicts do
                if not verdict.Holds then
                    string verdict
        ]

    Assert.True(report.Passed, String.Join("\n", wrong))
    Console.WriteLine $"Tandem: {report.Tried} layouts, largest error {report.LargestError:g3}"
