module Evo.Core.Tests.LayoutTests

open System
open System.Collections.Generic
open FsCheck
open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Tests.Meshes
open Evo.Core.Tests.Properties

/// A model of 4 layers with 6 heads, that is no pipeline.
let private stubborn =
    { ModelFacts.Any(layers = 4, experts = 0) with
        RowTokens = 20
        TensorProblems =
            Func<_, _, _>(fun _ degree ->
                [
                    if 6 % degree <> 0 then
                        $"6 heads do not split {degree} ways; use 1, 2, 3 or 6"
                ]
                :> IReadOnlyList<string>)
        NotPipelined = "its layers hand on two values"
    }

let private said facts layout =
    Legality.problems facts layout |> List.map string

let private on degrees =
    { Layout.Single with Degrees = degrees }

// ---- what is refused

[<Fact>]
let ``everything that stands against a layout is said at once`` () =
    let layout =
        { on
              { Degrees.Single with
                  World = 32
                  Mode = TensorMode.Msp
                  Tensor = 8
                  Weight = 2
                  Pipeline = 2
                  Zero = 3
                  Expert = 2
              } with
            Schedule = PipelineMode.ZeroBubbleV
            Chunks = 3
            MicroBatches = 3
            Selective = true
        }

    Assert.Equal<string list>(
        [
            "parallel.weight.size = 2: needs parallel.tensor.mode \"isp\"; in mode msp every rank holds its own weights; set the mode, or use 1"
            "parallel.zero1.size = 3: does not divide the 2 data-parallel ranks; use 1, 2 or -1"
            "parallel.tensor.size = 8: 6 heads do not split 8 ways; use 1, 2, 3 or 6"
            "parallel.tensor.size = 8: mode msp deals out the tokens of a row, and 20 (data.seq_len x data.micro_bsz) do not split 8 ways; use 1, 2, 4 or 5"
            "parallel.expert.size = 2: the model has no experts; use 1"
            "parallel.pipeline.size = 2: its layers hand on two values; use 1"
            "parallel.pipeline.size = 2: 2 stages of 3 chunks need at least 6 layers, and the model has 4; use at most 1"
            "model.num_chunks = 3: the schedule \"ZBV\" has two chunks on a stage; use 2"
            "data.micro_num = 3: the schedule \"ZBV\" needs at least 4 micro-batches on 2 stages; use 4 or more"
            "selective_checkpoint = true: has no effect: no layer is recomputed; set model.checkpoint above 0, or take it out"
        ],
        said stubborn layout
    )

let private isp =
    { Degrees.Single with
        World = 8
        Mode = TensorMode.Isp
        Tensor = 2
        Weight = 2
    }

/// A layout, and the one thing that stands against it.
let private single: (Layout * string) list =
    let plain = { Degrees.Single with World = 8 }

    let piped schedule chunks micro =
        { on { plain with Pipeline = 4 } with
            Schedule = schedule
            Chunks = chunks
            MicroBatches = micro
        }

    [
        on { plain with Pipeline = 3 },
        "parallel.pipeline.size = 3: does not divide the world of 8 ranks; use 1, 2, 4 or 8"
        on { plain with Tensor = 3 },
        "parallel.tensor.size = 3: does not divide the 8 ranks of a stage; use 1, 2, 4 or 8"
        on { plain with Pipeline = 2; Tensor = 8 },
        "parallel.tensor.size = 8: does not divide the 4 ranks of a stage; use 1, 2 or 4"
        on { isp with Weight = 3 },
        "parallel.weight.size = 3: does not divide the 8 ranks of a stage; use 1, 2, 4 or 8"
        on { isp with Zero = 8 },
        "parallel.zero1.size = 8: does not divide the 4 ranks that hold the same weights (weight-data); use 1, 2, 4 or -1"
        on { plain with Zero = 0 },
        "parallel.zero1.size = 0: must be at least 1, or -1 for all data-parallel ranks"
        on { plain with Zero = -2 },
        "parallel.zero1.size = -2: must be at least 1, or -1 for all data-parallel ranks"
        on { plain with Expert = 8 },
        "parallel.expert.size = 8: does not divide the model's 12 experts; use 1, 2, 3, 4, 6 or 12"
        on { plain with Expert = 3 },
        "parallel.expert.size = 3: experts do not deal out evenly over the 8 ranks of a stage; use 1, 2, 4 or 8"
        on
            { plain with
                World = 16
                Tensor = 4
                Expert = 3
            },
        "parallel.expert.size = 3: experts do not deal out evenly over the 16 ranks of a stage, each expert on 4; use 1, 2 or 4"
        on { plain with Fsdp = 3 },
        "parallel.fsdp.size = 3: does not divide the 8 data-parallel ranks; use 1, 2, 4, 8 or -1"
        on { plain with Fsdp = 2; Pipeline = 2 },
        "parallel.fsdp.size = 2: parameters are not shared within the 2 stages of a pipeline; set parallel.fsdp.enable to false, or parallel.pipeline.size to 1"
        on { plain with Fsdp = 2; Zero = 4 },
        "parallel.zero1.size = 4: the optimizer's state is shared already, with the parameters (parallel.fsdp); use -1 or 1, or set parallel.fsdp.enable to false"
        on { isp with Fsdp = 2 },
        "parallel.fsdp.size = 2: mode isp shares parameters already, over parallel.weight.size ranks; set parallel.fsdp.enable to false, or another parallel.tensor.mode"
        { on { plain with Fsdp = 8 } with
            Reduction = GradientReduction.AllReduce
        },
        "hybrid_zero_optimizer.reduce = \"all_reduce\": each rank keeps its share of the parameters only (parallel.fsdp); use \"reduce_scatter\""
        piped PipelineMode.OneForwardOneBackward 2 6,
        "data.micro_num = 6: interleaved chunks need micro-batches in multiples of the 4 stages; use 4 or 8"
        piped PipelineMode.OneForwardOneBackward 2 2,
        "data.micro_num = 2: interleaved chunks need micro-batches in multiples of the 4 stages; use 4"
        piped PipelineMode.ZeroBubbleH1 2 8,
        "model.num_chunks = 2: the schedule \"ZBH1\" has one chunk on a stage; use 1, or the schedule \"ZBV\" with 2"
        piped PipelineMode.ZeroBubbleV 2 7,
        "data.micro_num = 7: the schedule \"ZBV\" needs at least 8 micro-batches on 4 stages; use 8 or more"
        piped PipelineMode.ZeroBubbleV 1 8,
        "model.num_chunks = 1: the schedule \"ZBV\" has two chunks on a stage; use 2"
        { on plain with
            Schedule = PipelineMode.ZeroBubbleH1
        },
        "parallel.pipeline.mode = \"ZBH1\": has no effect on one stage; use \"1F1B\", or a parallel.pipeline.size above 1"
        { on plain with Chunks = 2 },
        "model.num_chunks = 2: has no effect on one stage; use 1, or a parallel.pipeline.size above 1"
        { on plain with MicroBatches = 0 }, "data.micro_num = 0: must be at least 1"
        { on plain with Recompute = 1.5 }, "model.checkpoint = 1.5: must be from 0 to 1"
    ]

[<Fact>]
let ``each rule is said in its own words, with what would be right`` () =
    for layout, expected in single do
        Assert.Equal<string list>([ expected ], said willing layout)

// ---- all legal layouts

[<Fact>]
let ``a mesh can be built exactly where no rule speaks against its degrees`` () =
    // Degrees that are nearly right: every size up to 6 for every setting.
    let any =
        gen {
            let size = Gen.choose (1, 6)
            let! mode = Gen.elements [ TensorMode.Mtp; TensorMode.Isp ]
            let! world = Gen.elements [ 4; 6; 8; 12 ]
            let! tensor, weight, pipeline = Gen.zip3 size size size
            let! zero, expert, fsdp = Gen.zip3 (Gen.choose (-1, 6)) size size
            let! noTp = Gen.elements [ false; true ]

            return
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
        }

    law any noShrink (fun degrees ->
        let divides part whole = whole % part = 0

        let right =
            let isp = degrees.Mode = TensorMode.Isp
            let etp = if isp || degrees.NoTp then 1 else degrees.Tensor

            divides degrees.Pipeline degrees.World
            && divides (degrees.Pipeline * degrees.Tensor) degrees.World
            && (degrees.Weight = 1 || isp)
            && divides (degrees.Pipeline * degrees.Weight) degrees.World
            && divides (degrees.Pipeline * etp * degrees.Expert) degrees.World
            && degrees.Zero <> 0
            && (degrees.Fsdp = 1 || (degrees.Pipeline = 1 && not isp && degrees.Zero <= 1))
            && divides degrees.Fsdp degrees.Data
            && (degrees.Zero = -1
                || divides degrees.Zero (if isp then degrees.WeightData else degrees.Data))

        let built =
            try
                Topology degrees |> ignore
                true
            with :? ArgumentException ->
                false

        built =? right)

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

// ---- the nearest legal one

[<Fact>]
let ``a legal layout is its own nearest`` () =
    forAll layout (Layouts.smaller small >> Seq.ofList) (fun layout ->
        NearestLayout.find small layout = layout)

[<Fact>]
let ``the nearest layout is legal, on as many ranks, and no layout with fewer changes is`` () =
    let broken =
        gen {
            let! layout = layout
            let! wrong = Gen.choose (2, 7)
            let! which = Gen.choose (0, 5)
            let degrees = layout.Degrees

            return
                match which with
                | 0 ->
                    { layout with
                        Degrees = { degrees with Tensor = wrong }
                    }
                | 1 ->
                    { layout with
                        Degrees = { degrees with Pipeline = wrong }
                    }
                | 2 ->
                    { layout with
                        Degrees = { degrees with Zero = wrong }
                    }
                | 3 ->
                    { layout with
                        Degrees = { degrees with Weight = wrong }
                    }
                | 4 -> { layout with Chunks = wrong }
                | _ -> { layout with MicroBatches = wrong }
        }

    let differ (a: Layout) (b: Layout) =
        List.map2 (<>) (Layouts.sizes a) (Layouts.sizes b)
        |> List.filter id
        |> List.length

    law broken (Layouts.smaller small >> Seq.ofList) (fun layout ->
        let nearest = NearestLayout.find small layout

        let legalNeighbours =
            smallLayouts.Value
            |> Array.filter (fun other -> other.Degrees.World = layout.Degrees.World)
            |> Array.map (differ layout)
            |> Array.min

        (said small nearest, nearest.Degrees.World, differ layout nearest <= legalNeighbours)
        =? ([], layout.Degrees.World, true))

[<Fact>]
let ``the nearest layout changes what is in the way, and by little`` () =
    let nearest facts layout =
        NearestLayout.changes layout (NearestLayout.find facts layout)

    let plain = { Degrees.Single with World = 8 }

    Assert.Equal<(string * string) list>(
        [ "parallel.tensor.size", "2" ],
        nearest
            stubborn
            (on
                { plain with
                    World = 12
                    Tensor = 4
                    Mode = TensorMode.Msp
                })
    )

    Assert.Equal<(string * string) list>(
        [ "data.micro_num", "8" ],
        nearest
            willing
            { on { plain with Pipeline = 4 } with
                Schedule = PipelineMode.ZeroBubbleV
                Chunks = 2
                MicroBatches = 7
            }
    )

    Assert.Equal<(string * string) list>(
        [ "parallel.tensor.mode", "isp" ],
        nearest willing (on { plain with Weight = 4 })
    )

    // Nothing fits a world of a prime number of ranks but what one axis takes whole.
    let odd =
        NearestLayout.find
            willing
            (on
                { plain with
                    World = 7
                    Tensor = 2
                    Pipeline = 2
                    Zero = 2
                    Weight = 2
                    Expert = 2
                })

    Assert.Empty(said willing odd)
    Assert.Equal(7, odd.Degrees.World)

[<Fact>]
let ``the nearest layout of a thousand ranks is found in a moment`` () =
    let layout =
        { on
              { Degrees.Single with
                  World = 1024
                  Mode = TensorMode.Isp
                  Tensor = 48
                  Weight = 24
                  Pipeline = 8
                  Zero = 3
              } with
            MicroBatches = 20
            Chunks = 2
        }

    let watch = Diagnostics.Stopwatch.StartNew()
    let nearest = NearestLayout.find willing layout
    Assert.Empty(said willing nearest)

    Assert.Equal<(string * string) list>(
        [
            "parallel.tensor.size", "64"
            "parallel.weight.size", "32"
            "parallel.zero1.size", "4"
            "data.micro_num", "24"
        ],
        NearestLayout.changes layout nearest
    )

    Assert.True(watch.Elapsed < TimeSpan.FromSeconds 20.0, $"{watch.Elapsed}")

// ---- who holds which layers

[<Fact>]
let ``the chunks of all stages hold every layer once, in the model's order, and as many as each other but for one``
    ()
    =
    let layouts =
        gen {
            let! layout = layout
            let! more = Gen.choose (0, 30)
            return layout, layout.VirtualStages + more
        }

    law
        layouts
        (fun (layout, layers) ->
            seq {
                if layers > layout.VirtualStages then
                    layout, layers - 1
            })
        (fun (layout, layers) ->
            let chunks =
                [
                    for stage in 0 .. layout.Degrees.Pipeline - 1 do
                        for chunk in 0 .. layout.Chunks - 1 do
                            let struct (first, next) = layout.LayersOf(layers, stage, chunk)
                            layout.VirtualStage(stage, chunk), [ first .. next - 1 ]
                ]
                |> List.sort

            let sizes = [ for _, held in chunks -> held.Length ]

            (List.map fst chunks,
             List.collect snd chunks,
             List.max sizes - List.min sizes <= 1,
             List.sort sizes = sizes)
            =? ([ 0 .. layout.VirtualStages - 1 ], [ 0 .. layers - 1 ], true, true))

[<Fact>]
let ``the V turns at the last stage, so that the first holds both ends`` () =
    let layout =
        { on
              { Degrees.Single with
                  World = 3
                  Pipeline = 3
              } with
            Schedule = PipelineMode.ZeroBubbleV
            Chunks = 2
        }

    Assert.Equal<int list>([ 0; 1; 2 ], [ for stage in 0..2 -> layout.VirtualStage(stage, 0) ])
    Assert.Equal<int list>([ 5; 4; 3 ], [ for stage in 0..2 -> layout.VirtualStage(stage, 1) ])
    // The last pieces have the layers that are left over.
    Assert.Equal(struct (7, 9), layout.LayersOf(9, 0, 1))
    Assert.Equal(struct (0, 1), layout.LayersOf(9, 0, 0))
