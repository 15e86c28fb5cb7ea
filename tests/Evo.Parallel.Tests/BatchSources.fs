/// Reading batches ahead.
module Evo.Parallel.Tests.BatchSources

open System
open System.Threading
open Evo.Parallel
open Xunit

let private batch (step: int64) : MicroBatch seq =
    [ MicroBatch([| step |], [| step |], [| 0L |], [| 0; 1 |]) ]

let private read (step: int64) =
    System.Collections.Generic.List(batch step) :> System.Collections.Generic.IReadOnlyList<MicroBatch>

[<Fact>]
let ``batches come in the order of their steps`` () =
    use source = new BatchSource(read, seq { 5L .. 40L })

    for step in 5L .. 40L do
        let struct (batch, wait) = source.Take step
        Assert.Equal(step, batch[0].Tokens[0])
        Assert.True(wait >= 0.0)

[<Fact>]
let ``no more than the depth is read ahead`` () =
    let mutable most = 0L

    let counting step =
        Interlocked.Exchange(&most, step) |> ignore
        read step

    use source = new BatchSource(counting, seq { 0L .. 1000L }, 3)
    source.Take 0L |> ignore
    Thread.Sleep 50
    // One taken, three waiting, one in the reader's hand.
    Assert.InRange(Interlocked.Read &most, 0L, 4L)

[<Fact>]
let ``an error of the reader is thrown at the step that needed the batch`` () =
    let broken step =
        if step = 2L then
            raise (InvalidOperationException "row 17 is cut short")
        else
            read step

    use source = new BatchSource(broken, seq { 0L .. 9L })
    source.Take 0L |> ignore
    source.Take 1L |> ignore

    let error =
        Assert.Throws<InvalidOperationException>(fun () -> source.Take 2L |> ignore)

    Assert.Equal("row 17 is cut short", error.Message)

[<Fact>]
let ``a source that is given up ends its thread`` () =
    let source = new BatchSource(read, Seq.initInfinite int64)
    source.Take 0L |> ignore
    (source :> IDisposable).Dispose()

[<Fact>]
let ``a micro-batch counts its targets and knows its longest piece`` () =
    let micro =
        MicroBatch(
            Array.create 6 1L,
            [| 1L; -100L; 0L; 3L; -100L; -100L |],
            Array.zeroCreate 6,
            [| 0; 2; 6 |]
        )

    Assert.Equal(3L, micro.Targets)
    Assert.Equal(4, micro.LongestPiece)
