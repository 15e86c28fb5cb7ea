/// Ranks as threads: what frees them, what is reported, what they keep apart.
module Evo.Parallel.Tests.LocalWorlds

open System
open System.Diagnostics
open System.Threading
open Evo.Parallel
open Evo.Torch
open TorchSharp
open Xunit

let private at number = Site(number, false)

let private ones () = torch.ones [| 4L |]

/// The exception of a world that must fail, within two seconds whatever the time limit is.
let private failureOf size (body: LocalRank -> unit) =
    let clock = Stopwatch.StartNew()

    let error = Assert.Throws<LocalWorldException>(fun () -> LocalWorld.Run(size, body))

    Assert.InRange(clock.Elapsed.TotalSeconds, 0.0, 2.0)
    error

[<Fact>]
let ``a rank that throws frees the others at once, and they say who it was and where they were`` () =
    let freed = Array.create 4 ""

    let error =
        failureOf 4 (fun rank ->
            let group = rank.Everyone "tensor"
            group.Barrier(at 3)

            if rank.Rank = 2 then
                raise (TimeoutException "the disk is gone")

            try
                group.AllReduce(ones (), ReduceOperation.Sum, at 7) |> ignore
            with :? LocalWorldException as error ->
                Assert.Equal(Nullable 2, error.Rank)
                freed[rank.Rank] <- error.Message
                reraise ())

    Assert.Equal(Nullable 2, error.Rank)
    Assert.IsType<TimeoutException> error.InnerException |> ignore

    Assert.Equal(
        "rank 2 failed: TimeoutException: the disk is gone (its last operation: barrier, site 3 forward, axis tensor)",
        error.Message
    )

    for rank in [ 0; 1; 3 ] do
        Assert.Contains("rank 2 failed: TimeoutException: the disk is gone", freed[rank])

        Assert.EndsWith(
            $"rank {rank} was in all-reduce (sum) of float32 [4], site 7 forward, axis tensor",
            freed[rank]
        )

[<Fact>]
let ``a rank that throws in a backward frees those who wait in theirs`` () =
    let error =
        failureOf 3 (fun rank ->
            let group = rank.Everyone "tensor"
            let x = ones().requires_grad_()
            let y = Collective.Copy(group, x, 5)

            if rank.Rank = 1 then
                use _ =
                    y.register_hook (fun _ -> raise (InvalidOperationException "no gradient for you"))

                (y.sum ()).backward()
            else
                (y.sum ()).backward())

    Assert.Contains("rank 1 failed: InvalidOperationException: no gradient for you", error.Message)

[<Fact>]
let ``ranks that wait in another group are freed, too, and so is one that comes later`` () =
    let error =
        failureOf 5 (fun rank ->
            if rank.Rank = 4 then
                raise (TimeoutException "first")
            elif rank.Rank = 3 then
                Thread.Sleep 200
                rank.Group("data", [| 2; 3 |]).Barrier(at 2)
            elif rank.Rank = 2 then
                rank.Group("data", [| 2; 3 |]).Barrier(at 2)
            else
                rank.Group("tensor", [| 0; 1; 4 |]).Barrier(at 1))

    Assert.Contains("rank 4 failed: TimeoutException: first", error.Message)

[<Fact>]
let ``a rank that leaves while others wait for it is named`` () =
    let error =
        failureOf 3 (fun rank ->
            if rank.Rank <> 1 then
                (rank.Everyone "tensor").AllGather(ones (), 0, at 4) |> ignore)

    Assert.Equal(Nullable 1, error.Rank)
    Assert.Matches("^rank 1 left while rank [02] waits for it in all-gather \\(dim 0\\)", error.Message)
    Assert.Contains("it has called nothing yet", error.Message)

[<Fact>]
let ``calls that differ are named with both ranks`` () =
    let differ (first: ProcessGroup -> unit) (second: ProcessGroup -> unit) =
        let error =
            failureOf 2 (fun rank ->
                let group = rank.Everyone "tensor"
                if rank.Rank = 0 then first group else second group)

        Assert.Contains("ranks of tensor [0, 1] call different things", error.Message)
        Assert.Contains("rank 0 calls", error.Message)
        Assert.Contains("rank 1 calls", error.Message)
        error.Message

    let sum (shape: int64[]) (dtype: torch.ScalarType) site (group: ProcessGroup) =
        group.AllReduce(torch.ones (shape, dtype = dtype), ReduceOperation.Sum, site)
        |> ignore

    let plain = sum [| 2L; 3L |] torch.float32 (at 1)

    let message = differ plain (sum [| 3L; 2L |] torch.float32 (at 1))
    Assert.Contains("all-reduce (sum) of float32 [2, 3], site 1 forward, axis tensor", message)
    Assert.Contains("all-reduce (sum) of float32 [3, 2], site 1 forward, axis tensor", message)
    differ plain (sum [| 2L; 3L |] torch.float64 (at 1)) |> ignore
    differ plain (sum [| 2L; 3L |] torch.float32 (at 2)) |> ignore
    differ plain (sum [| 2L; 3L |] torch.float32 (Site(1, true))) |> ignore
    differ plain (fun group -> group.Barrier(at 1)) |> ignore

    differ plain (fun group -> group.AllReduce(torch.ones [| 2L; 3L |], ReduceOperation.Max, at 1) |> ignore)
    |> ignore

    let gather dim (group: ProcessGroup) =
        group.AllGather(torch.ones [| 2L; 2L |], dim, at 1) |> ignore

    differ (gather 0) (gather 1) |> ignore

[<Fact>]
let ``rows that one sends and the other does not expect are named`` () =
    let error =
        failureOf 2 (fun rank ->
            let group = rank.Everyone "expert"
            let receive = if rank.Rank = 0 then [| 1L; 1L |] else [| 2L; 1L |]

            group.AllToAllRows(torch.ones [| 2L; 3L |], [| 1L; 1L |], receive, at 1)
            |> ignore)

    Assert.Contains("rank 0 sends 1 rows to rank 1, which expects 2", error.Message)

[<Fact>]
let ``a message of another shape, and one that nobody receives, are named`` () =
    let wrong =
        failureOf 2 (fun rank ->
            let group = rank.Everyone "pipeline"

            if rank.Rank = 0 then
                group.Send(ones (), 1, at 1)
            else
                group.Receive([| 5L |], torch.float32, 0, at 1) |> ignore)

    Assert.Contains("rank 1 calls receive (from 0) of float32 [5]", wrong.Message)
    Assert.Contains("rank 0 had called send (to 1) of float32 [4]", wrong.Message)

    let lost =
        failureOf 2 (fun rank ->
            if rank.Rank = 0 then
                (rank.Everyone "pipeline").Send(ones (), 1, at 6))

    Assert.Contains("nobody received", lost.Message)
    Assert.Contains("site 6 forward, axis pipeline, by rank 0 to rank 1", lost.Message)

[<Fact>]
let ``a standstill of all is seen without waiting for the time limit`` () =
    let error =
        failureOf 2 (fun rank ->
            let group = rank.Everyone "pipeline"
            group.Receive([| 1L |], torch.float32, 1 - rank.Rank, at 8) |> ignore)

    Assert.Contains("all ranks wait for one another", error.Message)
    Assert.Contains("rank 0 waits in receive (from 1)", error.Message)
    Assert.Contains("rank 1 waits in receive (from 0)", error.Message)

[<Fact>]
let ``a rank that never comes ends the others at the time limit, with who waits where`` () =
    use late = new ManualResetEventSlim()
    let clock = Stopwatch.StartNew()

    let error =
        Assert.Throws<LocalWorldException>(fun () ->
            LocalWorld.Run(
                2,
                (fun rank ->
                    let group = rank.Everyone "tensor"
                    group.Barrier(at 1)

                    if rank.Rank = 0 then group.Barrier(at 2) else late.Wait()),
                timeLimit = TimeSpan.FromSeconds 0.5
            ))

    late.Set()
    Assert.InRange(clock.Elapsed.TotalSeconds, 0.5, 5.0)
    Assert.Contains("rank 0 has waited for 0.5 s", error.Message)
    Assert.Contains("rank 0 waits in barrier, site 2 forward, axis tensor for rank 1", error.Message)
    Assert.Contains("rank 1 computes (its last operation: barrier, site 1 forward", error.Message)
    Assert.Contains("still running: rank 1", error.Message)

[<Fact>]
let ``a group without oneself, a part that does not fit and an average of whole numbers are refused`` () =
    let refused (words: string) (body: LocalRank -> unit) =
        Assert.Contains(words, (failureOf 2 body).Message)

    refused "itself among them" (fun rank -> rank.Group("tensor", [| 1 - rank.Rank |]) |> ignore)

    refused "2 lengths that sum to 4" (fun rank ->
        (rank.Everyone "tensor").ReduceScatter(ones (), 0, [| 1L; 2L |], ReduceOperation.Sum, at 1)
        |> ignore)

    refused "not a whole number" (fun rank ->
        (rank.Everyone "tensor").AllReduce(torch.tensor 1L, ReduceOperation.Average, at 1)
        |> ignore)

    refused "different dimensions" (fun rank ->
        (rank.Everyone "tensor").AllToAll(torch.ones [| 2L; 2L |], 1, -1, at 1)
        |> ignore)

[<Fact>]
let ``a group of one calls nobody and gives its input`` () =
    let group = GroupOfOne "tensor"
    use x = ones().requires_grad_()
    Assert.Same(x, Collective.ReduceScatter(group, x, 0, 1))
    use y = group.AllReduce(x, ReduceOperation.Sum, at 1)
    Assert.NotSame(x, y)
    Assert.False y.requires_grad

    Assert.Throws<InvalidOperationException>(fun () -> group.Send(x, 0, at 1))
    |> ignore

[<Fact>]
let ``grad mode and scopes are each rank's own`` () =
    use _ = torch.no_grad ()
    use outside = torch.NewDisposeScope()

    LocalWorld.Run(
        4,
        fun rank ->
            let group = rank.Everyone "tensor"
            Assert.True(torch.is_grad_enabled ())

            let mode =
                if rank.Rank % 2 = 0 then
                    torch.no_grad ()
                else
                    torch.enable_grad ()

            use scope = torch.NewDisposeScope()
            group.Barrier(at 1)
            let x = ones().requires_grad_()
            let y = x.mul x
            Assert.Equal(rank.Rank % 2 = 1, y.requires_grad)
            Assert.Equal(2, scope.DisposablesCount)
            group.Barrier(at 2)
            let sum = group.AllReduce(x, ReduceOperation.Sum, at 3)
            Assert.True(scope.Contains sum)
            Assert.False sum.requires_grad
            mode.Dispose()
    )

    Assert.False(torch.is_grad_enabled ())
    Assert.Equal(0, outside.DisposablesCount)

[<Fact>]
let ``each rank computes with the threads that it is given, and the process has its own back`` () =
    let before = Threads.Count

    let counts =
        LocalWorld.Results(
            3,
            (fun rank ->
                (rank.Everyone "tensor").Barrier(at 1)
                torch.ones([| 100L; 100L |]).matmul(torch.ones [| 100L; 100L |]) |> ignore
                Threads.Count),
            threads = 1
        )

    Assert.Equal<int list>([ 1; 1; 1 ], List.ofArray counts)
    Assert.Equal(before, Threads.Count)

[<Fact>]
let ``results belong to the caller's scope, and nothing else is left, in success and in failure`` () =
    let settle () =
        for _ in 1..2 do
            GC.Collect()
            GC.WaitForPendingFinalizers()

    let work fails (rank: LocalRank) =
        let group = rank.Everyone "tensor"
        let x = torch.ones([| 4L; 4L |]).requires_grad_()

        let gathered =
            Collective.Gather(group, Collective.ReduceScatter(group, x, 0, 1), 1, 2)

        let y = Collective.Exchange(group, gathered, 1, 0, 3)
        (Collective.Reduce(group, y, 4).sum()).backward()

        VocabularyParallel.LinearCrossEntropy(
            group,
            x,
            x,
            torch.tensor [| 0L; 1L; -100L; 3L |],
            13L,
            0.1,
            0.01,
            5
        )
        |> ignore

        group.Send(x, (rank.Rank + 1) % 4, at 6)

        if fails && rank.Rank = 3 then
            raise (TimeoutException "for the test")

        let received = group.Receive([| 4L; 4L |], torch.float32, (rank.Rank + 3) % 4, at 6)
        struct (received, [ nonNull x.grad ])

    let run fails =
        use scope = torch.NewDisposeScope()

        if fails then
            Assert.Throws<LocalWorldException>(fun () -> LocalWorld.Results(4, work true) |> ignore)
            |> ignore
        else
            Assert.Equal(4, (LocalWorld.Results(4, work false)).Length)
            Assert.Equal(8, scope.DisposablesCount)

    run false
    run true
    settle ()
    let live, bytes = NativeMemory.LiveTensors, NativeMemory.BytesAllocated

    for _ in 1..10 do
        run false
        run true

    Assert.Equal(live, NativeMemory.LiveTensors)
    Assert.Equal(bytes, NativeMemory.BytesAllocated)
