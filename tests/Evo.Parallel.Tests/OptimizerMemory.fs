/// What an optimizer occupies, by its formulas and as measured; that fully sharded weights are really away between uses.
module Evo.Parallel.Tests.OptimizerMemory

open System
open System.Collections.Generic
open Evo.Core
open Evo.Models
open Evo.Parallel
open Evo.Parallel.Tests.Grids
open Evo.Parallel.Tests.OptimizerUpdates
open Evo.Parallel.Tests.ToyModel
open Evo.Torch
open TorchSharp
open TorchSharp.Modules
open Xunit

let private plain (_: int) (group: ProcessGroup) (_: ProcessGroup) = group

let private ranks = 4

/// A chain of linear maps; the entry's table is read by the exit, too. Every graph saves the weights themselves.
type private Chain(rank: LocalRank, width: int64, layers: int, way: Way, dtype: torch.ScalarType) =
    let exit = layers + 1
    let groups = Dictionary<ReductionClass, ReductionGroups>()

    do
        groups[ReductionClass.Data] <-
            ReductionGroups(rank.Everyone "zero", rank.Group("replica", [| rank.Rank |]))

    let optimizer =
        new ShardedOptimizer(
            [|
                ShardedParameter("table", [| width; width |], 0, true, UsedAlsoBy = Nullable exit)
                for layer in 1..layers do
                    ShardedParameter($"w{layer}", [| width; width |], layer, true)
            |],
            way.Options(dtype, groups, sumOver (rank.Everyone "world"))
        )

    let weights =
        dict
            [
                for p in optimizer.Parameters -> p.Name, new Parameter(optimizer.Weights p.Name)
            ]

    do optimizer.Attach(fun name -> weights[name])

    member _.Optimizer = optimizer
    member _.Layers = layers

    member _.Start() =
        optimizer.ChangeWeights(fun () ->
            use _ = torch.no_grad ()

            for KeyValue(name, weight) in weights do
                use generator = new torch.Generator(CausalLMModule.Stream(3UL, name))
                use drawn = torch.empty ([| width; width |], dtype = torch.float32)
                drawn.normal_ (0.0, 1.0 / sqrt (float width), generator) |> ignore
                weight.copy_ drawn |> ignore)

    member _.Loss(ids: torch.Tensor) =
        let events = optimizer :> BlockEvents
        events.BeforeForward 0
        let mutable x = weights["table"].index_select(0L, ids)
        events.AfterForward 0
        x <- gate (fun () -> events.BeforeBackward 0) x

        for layer in 1..layers do
            events.BeforeForward layer
            let input = gate (fun () -> events.AfterBackward layer) x
            let y = input.matmul(weights[$"w{layer}"]).tanh()
            events.AfterForward layer
            x <- gate (fun () -> events.BeforeBackward layer) y

        events.BeforeForward exit
        let input = gate (fun () -> events.AfterBackward exit) x
        let loss = input.matmul(weights["table"].t()).square().mean()
        events.AfterForward exit
        gate (fun () -> events.BeforeBackward exit) loss

    member chain.Step(number: int64) =
        use _ = torch.NewDisposeScope()
        optimizer.ZeroGradient()
        optimizer.LastBackward <- true
        let loss = chain.Loss(torch.tensor [| int64 rank.Rank; number |])
        loss.backward ()
        optimizer.AfterBackward 0
        optimizer.Accumulate()
        optimizer.Finish()

        let norm =
            clippedUpdate optimizer (AdamRates(1e-2, 0.9, 0.95, 1e-8, 0.1)) number 1.0

        loss.ToDouble(), norm

    interface IDisposable with
        member _.Dispose() = optimizer.Dispose()

let private fully = { Way.Of 4 with Fully = true }

[<Fact>]
let ``weights that went away between forward and backward give the gradients of weights that stayed`` () =
    for dtype in [ torch.float64; torch.float32; torch.bfloat16 ] do
        let run way =
            LocalWorld.Results(
                ranks,
                fun rank ->
                    use chain = new Chain(rank, 24L, 3, way, dtype)
                    chain.Start()
                    let steps = [ for number in 1L .. 3L -> chain.Step number ]

                    steps,
                    [
                        for p in chain.Optimizer.Parameters do
                            for kind in [ StateKind.Weight; StateKind.Master; StateKind.ExpAvg ] ->
                                bits (chain.Optimizer.ReadWhole(p.Name, kind))
                    ]
            )
            |> List.ofArray

        let stayed = run (Way.Of 4)
        Assert.All(stayed, (fun (steps, _) -> Assert.All(steps, (fun (_, norm) -> Assert.True(norm > 0.0)))))

        for ahead in [ 0; 1 ] do
            for overlap in [ false; true ] do
                Assert.Equal<((float * float) list * byte[] list) list>(
                    stayed,
                    run
                        { fully with
                            Ahead = ahead
                            Overlap = overlap
                        }
                )

[<Fact>]
let ``what is held is what the formulas say, for every dtype and way`` () =
    for dtype in [ torch.float64; torch.float32; torch.bfloat16; torch.float16 ] do
        for zero in [ 1; 2; 4 ] do
            for way in [ Way.Of zero; { Way.Of zero with Fully = true } ] do
                LocalWorld.Run(
                    dataRanks,
                    fun rank ->
                        let groups = groupsOf (plain rank.Rank) rank zero false

                        use optimizer =
                            new ShardedOptimizer(
                                parametersOf [ rank.Rank % 2 ],
                                way.Options(dtype, groups, id)
                            )

                        let held, planned = optimizer.Bytes, optimizer.PlannedBytes
                        Assert.Equal(planned.Parameters, held.Parameters)
                        Assert.Equal(planned.Gradients, held.Gradients)
                        Assert.Equal(planned.OptimizerState, held.OptimizerState)
                        Assert.Equal(planned.Master, held.Master)
                        Assert.Equal(planned.Total, held.Kept)
                        Assert.Equal(0L, held.Gathered)
                )

/// Bytes of the process's tensors when all ranks stand here, without what earlier tests left to the collector.
let private allocated (everyone: ProcessGroup) =
    everyone.Barrier(Site(1, false))

    if everyone.Rank = 0 then
        Folders.liveTensors () |> ignore

    everyone.Barrier(Site(1, false))
    let bytes = NativeMemory.BytesAllocated
    everyone.Barrier(Site(2, false))
    bytes

let private near expected (found: int64) =
    // An allocation is rounded up to pages.
    Assert.InRange(found, expected, expected + expected / 50L + 65536L)

[<Fact>]
let ``the memory that libtorch counts is the memory of the formulas`` () =
    for way in [ Way.Of 4; fully ] do
        for dtype in [ torch.float32; torch.bfloat16 ] do
            LocalWorld.Run(
                ranks,
                fun rank ->
                    let everyone = rank.Everyone "count"
                    let before = allocated everyone
                    use chain = new Chain(rank, 256L, 8, way, dtype)
                    let after = allocated everyone
                    near (int64 ranks * chain.Optimizer.PlannedBytes.Total) (after - before)
            )

[<Fact>]
let ``a block's weights take memory from before its forward to after it, and no longer`` () =
    let block = 256L * 256L * 4L

    for ahead in [ 0; 1 ] do
        LocalWorld.Run(
            ranks,
            fun rank ->
                use chain = new Chain(rank, 256L, 8, { fully with Ahead = ahead }, torch.float32)
                chain.Start()
                let everyone = rank.Everyone "count"
                let events = chain.Optimizer :> BlockEvents
                use _ = torch.no_grad ()
                chain.Optimizer.ZeroGradient()
                let start = allocated everyone

                for layer in 1 .. chain.Layers do
                    events.BeforeForward layer
                    // The block, and the next one where it is gathered ahead.
                    let open' = if layer < chain.Layers then 1L + int64 ahead else 1L
                    near (int64 ranks * open' * block) (allocated everyone - start)
                    Assert.Equal(open' * block, chain.Optimizer.Bytes.Gathered)
                    events.AfterForward layer
                    near (int64 ranks * (open' - 1L) * block) (allocated everyone - start)

                let plan = Seq.exactlyOne chain.Optimizer.Plans
                Assert.Equal(plan.GatheredBytes(DType.F32, ahead), chain.Optimizer.Bytes.PeakGathered)
        )

[<Fact>]
let ``a step of fully sharded blocks needs memory for a few of them, not for all`` () =
    let block = 256L * 256L * 4L
    let layers = 24

    LocalWorld.Run(
        ranks,
        fun rank ->
            let everyone = rank.Everyone "count"
            let empty = allocated everyone
            use chain = new Chain(rank, 256L, layers, fully, torch.float32)
            chain.Start()
            chain.Step 1L |> ignore
            let before = allocated everyone
            near (int64 ranks * chain.Optimizer.PlannedBytes.Total) (before - empty)

            if rank.Rank = 0 then
                NativeMemory.ResetPeak()

            everyone.Barrier(Site(3, false))
            chain.Step 2L |> ignore
            everyone.Barrier(Site(4, false))
            // The table, which stays for the exit, a block and its neighbour, a gradient of each, and what is on its way.
            Assert.InRange(NativeMemory.PeakBytes - before, block, int64 ranks * 10L * block)
    )

[<Fact>]
let ``steps of every way leave no native tensor behind`` () =
    for way in
        [
            Way.Of 1
            { Way.Of 2 with Overlap = true }
            { Way.Of 4 with
                Reduction = GradientReduction.AllReduce
            }
            { fully with Overlap = true }
        ] do
        LocalWorld.Run(
            ranks,
            fun rank ->
                use chain = new Chain(rank, 24L, 3, way, torch.bfloat16)
                chain.Start()
                let everyone = rank.Everyone "count"

                let live () =
                    everyone.Barrier(Site(5, false))
                    let live = if rank.Rank = 0 then Folders.liveTensors () else 0L
                    everyone.Barrier(Site(6, false))
                    live

                chain.Step 1L |> ignore
                let before = live ()

                for number in 2L .. 4L do
                    chain.Step number |> ignore

                Assert.Equal(before, live ())
        )
