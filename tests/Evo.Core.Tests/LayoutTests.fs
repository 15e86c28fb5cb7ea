module Evo.Core.Tests.LayoutTests

open System
open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Tests.Meshes
open Evo.Core.Tests.Properties

// ---- all legal layouts

/// Every value of every setting, without a thought about what is legal.
let private everything (facts: ModelFacts) world =
    let sizes = [ 1..world ]
    let shared = -1 :: sizes

    [
        for mode in Enum.GetValues<TensorMode>() do
            for tensor in sizes do
                for weight in sizes do
                    for pipeline in sizes do
                        for zero in shared do
                            for fsdp in shared do
                                for expert in sizes do
                                    for noTp in [ false; true ] do
                                        let degrees =
                                            {
                                                World = world
                                                Mode = mode
                                                Tensor = tensor
                                                Weight = weight
                                                Pipeline = pipeline
                                                Zero = zero
                                                Expert = expert
                                                NoTp = noTp
                                                Fsdp = fsdp
                                            }

                                        if (DegreeRules.problems degrees).IsEmpty then
                                            for schedule in Enum.GetValues<PipelineMode>() do
                                                for chunks in 1..3 do
                                                    for micro in
                                                        List.distinct [ 1; 2; pipeline; 2 * pipeline ] do
                                                        for recompute in [ 0.0; 0.5; 1.0 ] do
                                                            for selective in [ false; true ] do
                                                                for reduction in
                                                                    Enum.GetValues<GradientReduction>() do
                                                                    let layout =
                                                                        {
                                                                            Degrees = degrees
                                                                            Schedule = schedule
                                                                            Chunks = chunks
                                                                            MicroBatches = micro
                                                                            Recompute = recompute
                                                                            Selective = selective
                                                                            Reduction = reduction
                                                                        }

                                                                    if Legality.isLegal facts layout then
                                                                        layout
    ]

[<Theory>]
[<InlineData(1)>]
[<InlineData(2)>]
[<InlineData(3)>]
[<InlineData(4)>]
let ``the layouts of a world are all that are legal, each once in its plainest form`` (world: int) =
    let facts = ModelFacts.Any(layers = 7, experts = 4)
    let listed = Layouts.ofWorld facts world
    let legal = everything facts world |> List.map (Layouts.canonical facts) |> set
    Assert.Equal(listed.Length, (set listed).Count)
    Assert.Equal<Set<Layout>>(legal, set listed)

[<Fact>]
let ``the plainest form of a legal layout is legal and is its own`` () =
    let facts = ModelFacts.Any(layers = 7, experts = 4)

    for layout in everything facts 3 do
        let plain = Layouts.canonical facts layout
        Assert.Empty(said facts plain)
        Assert.Equal(plain, Layouts.canonical facts plain)

[<Fact>]
let ``how many layouts there are`` () =
    let count layers experts world =
        (Layouts.enumerate (ModelFacts.Any(layers, experts)) world).Length

    // One rank: two numbers of micro-batches, five ways to recompute.
    Assert.Equal(10, count 96 0 1)
    // Enough layers for three chunks on each of eight stages.
    Assert.Equal(8046, count 24 0 8)
    Assert.Equal(20506, count 24 8 8)

// ---- smaller ones

[<Fact>]
let ``smaller layouts are legal, smaller, and lead down to one rank with one micro-batch`` () =
    let single = Layout.Single

    for layout in smallLayouts.Value do
        let next = Layouts.smaller small layout

        for candidate in next do
            Assert.Empty(said small candidate)
            let before, after = Layouts.sizes layout, Layouts.sizes candidate
            Assert.True(List.forall2 (<=) after before && after <> before, $"{layout} -> {candidate}")

        if layout <> single then
            Assert.NotEmpty next

[<Fact>]
let ``a failure shrinks to the fewest ranks that show it`` () =
    // As a broken reduction over the stages would fail: wherever a pipeline has more than one chunk.
    let fails (layout: Layout) =
        layout.Degrees.Pipeline > 1 && layout.Chunks > 1

    let rec smallest layout =
        match Layouts.smaller small layout |> List.tryFind fails with
        | Some less -> smallest less
        | None -> layout

    for layout in smallLayouts.Value |> Array.filter fails do
        let found = smallest layout
        Assert.Equal(2, found.Degrees.World)
        Assert.Equal(2, found.Chunks)
        Assert.Equal(0.0, found.Recompute)
