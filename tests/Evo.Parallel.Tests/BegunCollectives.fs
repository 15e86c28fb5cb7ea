/// Collectives that are begun and waited for later, tensors that travel together, and large ones.
module Evo.Parallel.Tests.BegunCollectives

open System
open System.Diagnostics
open System.Threading
open Evo.Parallel
open Evo.Parallel.Tests.Grids
open Evo.Parallel.Tests.GroupMeanings
open Evo.Parallel.Tests.Worlds
open Evo.Torch
open FsCheck.FSharp
open TorchSharp
open Xunit

let private at number = Site(number, false)

/// Numbers whose sums depend on their order.
let private draw (seed: int) (shape: int64 list) (dtype: torch.ScalarType) =
    use generator = new torch.Generator(uint64 seed)

    (torch.randn (Array.ofList shape, dtype = torch.float32, generator = generator)).``to``(dtype)

/// A way to call an operation, and the same begun.
let pairs =
    [
        (fun (group: ProcessGroup) x -> group.AllReduce(x, ReduceOperation.Sum, at 1)),
        (fun (group: ProcessGroup) x -> group.StartAllReduce(x, ReduceOperation.Sum, at 1))
        (fun group x -> group.AllReduce(x, ReduceOperation.Max, at 2)),
        (fun group x -> group.StartAllReduce(x, ReduceOperation.Max, at 2))
        (fun group x -> group.AllGather(x, 1, at 3)), (fun group x -> group.StartAllGather(x, 1, at 3))
        (fun group x -> group.ReduceScatter(x, 1, ReduceOperation.Sum, at 4)),
        (fun group x ->
            group.StartReduceScatter(x, 1, Shards.Sizes(x.shape[1], group.Size), ReduceOperation.Sum, at 4))
        (fun group x -> group.Broadcast(x, group.Size - 1, at 5)),
        (fun group x -> group.StartBroadcast(x, group.Size - 1, at 5))
    ]

[<Fact>]
let ``what is begun gives the bits of the call that waits, however both are mixed, on threads and over Gloo``
    ()
    =
    checkAll
        25
        (gen {
            let! ranks = Gen.choose (1, 5)
            let! picks = Gen.listOfLength 6 (Gen.elements pairs)
            let! dtype = Gen.elements [ torch.float64; torch.float32; torch.bfloat16 ]
            let! seed = Gen.choose (0, 1_000_000)
            return ranks, picks, dtype, seed
        })
        (fun (ranks, picks, dtype, seed) ->
            for results in [ localResults; glooResults ] do
                results ranks (fun rank ->
                    let group = rank.Everyone "data"
                    let inputs = [ for i in 1..6 -> draw (seed + 7 * i + rank.Rank) [ 3L; 5L ] dtype ]
                    // Each rank waits in an order of its own, and calls meanwhile.
                    let begun =
                        List.map2
                            (fun (_, start) (x: torch.Tensor) -> start group x: PendingTensor)
                            picks
                            inputs

                    let now = List.map2 (fun (call, _) x -> call group x: torch.Tensor) picks inputs

                    let order = [ 0..5 ] |> List.sortBy (fun i -> (i * (rank.Rank + 2) + seed) % 7)

                    let later = Map.ofList [ for i in order -> i, begun[i].Wait() ]

                    for i in 0..5 do
                        Assert.Equal<byte[]>(bits now[i], bits later[i])
                        Assert.Equal<int64[]>(now[i].shape, later[i].shape))
                |> ignore

            true)

[<Theory; InlineData "local"; InlineData "gloo">]
let ``a rank may be far ahead, and what it gave may be disposed meanwhile`` kind =
    use second = new ManualResetEventSlim()

    let sums =
        results kind 2 (fun rank ->
            let group = rank.Everyone "data"

            let start i =
                use x = torch.full ([| 4L |], Scalar.op_Implicit (float (i + 10 * rank.Rank)))
                group.StartAllReduce(x, ReduceOperation.Sum, at i)

            if rank.Rank = 0 then
                let begun = [ for i in 1..20 -> start i ]
                Assert.DoesNotContain(begun, (fun pending -> pending.IsDone))
                second.Set()
                [ for pending in begun -> pending.Wait().sum().ToDouble() ]
            else
                second.Wait()

                [ for i in 1..20 -> start i ]
                |> List.map (fun pending -> pending.Wait().sum().ToDouble()))

    Assert.All(
        sums,
        (fun found -> Assert.Equal<float list>([ for i in 1..20 -> 4.0 * float (2 * i + 10) ], found))
    )

[<Fact>]
let ``over Gloo what is begun goes on while the rank computes`` () =
    let waits =
        glooResults 2 (fun rank ->
            let group = rank.Everyone "data"
            group.Barrier(at 1)
            let x = draw rank.Rank [ 1000L; 1000L ] torch.float32
            let pending = group.StartAllReduce(x, ReduceOperation.Sum, at 2)
            let deadline = Stopwatch.StartNew()

            while not pending.IsDone && deadline.Elapsed.TotalSeconds < 20.0 do
                Thread.Sleep 5

            let clock = Stopwatch.StartNew()
            pending.Wait() |> ignore
            Assert.True(deadline.Elapsed.TotalSeconds < 20.0, "nobody waits, and nothing ends")
            clock.Elapsed.TotalMilliseconds)

    Assert.All(waits, (fun wait -> Assert.InRange(wait, 0.0, 100.0)))

[<Fact>]
let ``large tensors, cut among the ranks, give the bits of local ranks`` () =
    for ranks in [ 2; 3; 5 ] do
        for dtype in [ torch.float32; torch.bfloat16; torch.float16; torch.float64 ] do
            for operation in [ ReduceOperation.Sum; ReduceOperation.Average; ReduceOperation.Min ] do
                use _ = torch.NewDisposeScope()

                onBoth ranks (fun rank ->
                    (rank.Everyone "data").AllReduce(draw rank.Rank [ 97L; 1031L ] dtype, operation, at 1))
                |> ignore

                onBoth ranks (fun rank ->
                    // A view that is not contiguous, cut along its second dimension.
                    let x = (draw rank.Rank [ 331L; 97L ] dtype).t()
                    (rank.Everyone "data").ReduceScatter(x, 1, operation, at 2))
                |> ignore

[<Theory; InlineData "local"; InlineData "gloo">]
let ``tensors in one message are what they are one by one`` kind =
    let shapes = [ [ 3L; 2L ]; []; [ 5L ]; [ 0L; 4L ]; [ 1L; 1L; 7L ] ]

    let same =
        results kind 3 (fun rank ->
            let group = rank.Everyone "data"

            let tensors =
                [|
                    for i, shape in List.indexed shapes -> draw (10 * i + rank.Rank) shape torch.float32
                |]

            let equal (one: torch.Tensor seq) (many: torch.Tensor seq) =
                Assert.Equal<byte[] list>([ for t in one -> bits t ], [ for t in many -> bits t ])
                Assert.Equal<int64[] list>([ for t in one -> t.shape ], [ for t in many -> t.shape ])

            let oneByOne = [ for x in tensors -> group.AllReduce(x, ReduceOperation.Sum, at 1) ]
            equal oneByOne (Coalesced.AllReduce(group, tensors, ReduceOperation.Sum, at 2))
            equal oneByOne (Coalesced.StartAllReduce(group, tensors, ReduceOperation.Sum, at 3).Wait())

            equal
                [ for x in tensors -> group.Broadcast(x, 1, at 4) ]
                (Coalesced.Broadcast(group, tensors, 1, at 5))

            equal
                [ for x in tensors -> group.AllGather(x.unsqueeze 0L, 0, at 6) ]
                (Coalesced.AllGather(group, tensors, at 7))

            true)

    Assert.Equal<bool list>([ true; true; true ], same)

[<Theory; InlineData "local"; InlineData "gloo">]
let ``results of what was begun belong to who waits, and nothing is left`` kind =
    let work () =
        results kind 3 (fun rank ->
            let group = rank.Everyone "data"
            let x = torch.ones([| 8L; 8L |]).requires_grad_()
            use scope = torch.NewDisposeScope()
            let pending = group.StartAllGather(x, 0, at 1)
            let reduced = group.StartAllReduce(x, ReduceOperation.Sum, at 2)
            let gathered = pending.Wait()
            Assert.True(scope.Contains gathered)
            Assert.False gathered.requires_grad
            reduced.Wait().sum().ToDouble())
        |> ignore

    for _ in 1..3 do
        work ()

    let live = NativeMemory.LiveTensors

    for _ in 1..10 do
        work ()

    Assert.Equal(live, NativeMemory.LiveTensors)

[<Fact>]
let ``calls over Gloo that differ are named with both ranks`` () =
    let differ (first: ProcessGroup -> unit) (second: ProcessGroup -> unit) =
        let error =
            Assert.ThrowsAny<Exception>(fun () ->
                glooResults 2 (fun rank ->
                    let group = rank.Everyone "tensor"
                    if rank.Rank = 0 then first group else second group)
                |> ignore)

        Assert.Contains("ranks of tensor [0, 1] call different things", error.Message)
        error.Message

    let sum (shape: int64[]) (dtype: torch.ScalarType) site (group: ProcessGroup) =
        group.AllReduce(torch.ones (shape, dtype = dtype), ReduceOperation.Sum, site)
        |> ignore

    let plain = sum [| 2L; 3L |] torch.float32 (at 1)
    let message = differ plain (sum [| 3L; 2L |] torch.float32 (at 1))
    Assert.Contains("rank 0 calls all-reduce (sum) of float32 [2, 3], site 1 forward, axis tensor", message)
    Assert.Contains("rank 1 calls all-reduce (sum) of float32 [3, 2], site 1 forward, axis tensor", message)
    differ plain (sum [| 2L; 3L |] torch.float64 (at 1)) |> ignore
    differ plain (fun group -> group.Barrier(at 1)) |> ignore

    let rows =
        Assert.ThrowsAny<Exception>(fun () ->
            glooResults 2 (fun rank ->
                let receive = if rank.Rank = 0 then [| 1L; 1L |] else [| 2L; 1L |]

                (rank.Everyone "expert").AllToAllRows(torch.ones [| 2L; 3L |], [| 1L; 1L |], receive, at 1)
                |> ignore)
            |> ignore)

    Assert.Contains("rank 0 sends 1 rows to rank 1, which expects 2", rows.Message)

    let wrong =
        Assert.ThrowsAny<Exception>(fun () ->
            glooResults 2 (fun rank ->
                let group = rank.Everyone "pipeline"

                if rank.Rank = 0 then
                    group.Send(torch.ones [| 4L |], 1, at 1)
                else
                    group.Receive([| 5L |], torch.float32, 0, at 1) |> ignore)
            |> ignore)

    Assert.Contains("rank 1 calls receive (from 0) of float32 [5]", wrong.Message)
    Assert.Contains("rank 0 had called send (to 1) of float32 [4]", wrong.Message)
