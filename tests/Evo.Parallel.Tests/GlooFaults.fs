/// What frees ranks that wait over Gloo: in collectives, in what was begun, and in messages.
module Evo.Parallel.Tests.GlooFaults

open System
open System.Diagnostics
open System.Threading
open Evo.Parallel
open Evo.Parallel.Tests.Worlds
open Evo.Torch
open TorchSharp
open Xunit

let private at number = Site(number, false)

let private ones () = torch.ones [| 4L |]

[<Fact>]
let ``a rank that throws frees those who wait in a collective, in what was begun and in a message`` () =
    let freed = Array.create 4 ""
    let clock = Stopwatch()

    Assert.ThrowsAny<Exception>(fun () ->
        glooResults 4 (fun rank ->
            let group = rank.Everyone "pipeline"
            rank.AtStep 9L
            group.Barrier(at 1)

            try
                match rank.Rank with
                | 0 -> group.Receive([| 4L |], torch.float32, 3, at 2) |> ignore
                | 1 -> group.AllReduce(ones (), ReduceOperation.Sum, at 3) |> ignore
                | 2 -> group.StartAllGather(ones (), 0, at 4).Wait() |> ignore
                | _ ->
                    // The others are in their waits.
                    Thread.Sleep 500
                    clock.Start()
                    raise (TimeoutException "the disk is gone")
            with :? RankFaultException as error ->
                freed[rank.Rank] <- error.Message
                Assert.Equal(Nullable 3, error.Rank)
                reraise ())
        |> ignore)
    |> ignore

    Assert.InRange(clock.Elapsed.TotalSeconds, 0.0, 10.0)

    let cause =
        "rank 3 failed at step 9, after barrier, site 1 forward, axis pipeline: TimeoutException: the disk is gone; "

    Assert.Equal(
        cause
        + "rank 0 ends at step 9, in receive (from 3) of float32 [4], site 2 forward, axis pipeline",
        freed[0]
    )

    Assert.Equal(
        cause
        + "rank 1 ends at step 9, in all-reduce (sum) of float32 [4], site 3 forward, axis pipeline",
        freed[1]
    )

    Assert.Equal(
        cause
        + "rank 2 ends at step 9, in all-gather (dim 0) of float32 [4], site 4 forward, axis pipeline",
        freed[2]
    )

[<Fact>]
let ``a sender that leaves is named by who waits for its message`` () =
    let said = ref ""

    Assert.ThrowsAny<Exception>(fun () ->
        glooResults 2 (fun rank ->
            let group = rank.Everyone "pipeline"
            group.Barrier(at 1)

            if rank.Rank = 1 then
                rank.Dispose()
            else
                try
                    group.Receive([| 4L |], torch.float32, 1, at 2) |> ignore
                with :? RankFaultException as error ->
                    said.Value <- error.Message
                    reraise ())
        |> ignore)
    |> ignore

    Assert.StartsWith(
        "rank 1 left while rank 0 waits before its first step, in receive (from 1) of float32 [4]",
        said.Value
    )

[<Fact>]
let ``a message that nobody takes does not keep its sender`` () =
    let store = C10dStore.InMemory()

    let options =
        C10dOptions(Address = "127.0.0.1", Timeout = TimeSpan.FromSeconds 30.0)

    let ranks =
        [| for rank in 0..1 -> new C10dRank(rank, 2, (fun () -> store), options) |]

    let clock = Stopwatch.StartNew()

    LocalWorld.Run(
        2,
        fun rank ->
            use world = ranks[rank.Rank]
            let group = world.Everyone "pipeline"
            group.Barrier(at 1)

            if rank.Rank = 0 then
                group.Send(ones (), 1, at 2)
    )

    Assert.InRange(clock.Elapsed.TotalSeconds, 0.0, 20.0)

[<Fact>]
let ``every rank of a host has a GPU of its own, and more ranks than GPUs are refused`` () =
    Assert.Equal("cuda:1", RankLaunch.GpuOf(1, 2).ToString())

    for rank, gpus, words in
        [
            2, 2, "rank 2 of this host has no GPU: there are 2"
            2, 2, "start at most 2 on a host"
            0, 0, "there are 0"
        ] do
        let refusal =
            Assert.Throws<LaunchException>(fun () -> RankLaunch.GpuOf(rank, gpus) |> ignore)

        Assert.Contains(words, refusal.Message)

[<Fact>]
let ``a world whose store is in this process names its groups once, and refuses what local ranks refuse`` () =
    glooResults 2 (fun rank ->
        Assert.Same(rank.Everyone "data", rank.Everyone "data")
        Assert.NotSame(rank.Everyone "data", rank.Everyone "tensor")

        let refused (words: string) (act: unit -> unit) =
            Assert.Contains(words, Assert.Throws<ArgumentException>(act).Message)

        refused "itself among them" (fun () -> rank.Group("tensor", [| 1 - rank.Rank |]) |> ignore)

        refused "2 lengths that sum to 4" (fun () ->
            (rank.Everyone "tensor").ReduceScatter(ones (), 0, [| 1L; 2L |], ReduceOperation.Sum, at 1)
            |> ignore)

        refused "not a whole number" (fun () ->
            (rank.Everyone "tensor").StartAllReduce(torch.tensor 1L, ReduceOperation.Average, at 1)
            |> ignore)

        refused "is its own partner" (fun () -> (rank.Everyone "tensor").Send(ones (), rank.Rank, at 1)))
    |> ignore

[<Fact>]
let ``a wait that is over just when the operation ends is no failure`` () =
    let store = C10dStore.InMemory()

    LocalWorld.Run(
        2,
        fun rank ->
            use engine =
                C10dEngine.Gloo(store, rank.Rank, 2, null, "127.0.0.1", TimeSpan.FromSeconds 30.0)

            for turn in 0..199 do
                // The other comes now sooner and now later in the millisecond that the first waits at a time.
                if rank.Rank = 1 then
                    Thread.Sleep(TimeSpan.FromMilliseconds(2.0 + 0.05 * float (turn % 20)))

                use work = engine.Broadcast(ones (), 1)

                while not (work.Wait(TimeSpan.FromMilliseconds 1.0)) do
                    ()

            // Nobody closes before both are through.
            (rank.Everyone "data").Barrier(at 1)
    )
