/// What is recorded of operators: every call, on the thread that made it, with its time, its operations and its bytes.
module Evo.Torch.Tests.Profiles

open System
open System.Diagnostics
open Xunit
open TorchSharp
open Evo.Torch

/// Forward and backward of a small layer.
let private step () =
    use _ = torch.NewDisposeScope()
    let x = torch.randn (64L, 32L)
    let weight = torch.randn(16L, 32L).requires_grad_ true
    let norm = torch.ones(16L).requires_grad_ true
    let y = Ops.RmsNorm(Ops.Linear(x, weight), norm, 1e-5)
    y.sum().backward()

[<Fact>]
let ``calls are recorded with their times, and their operations are those that are counted`` () =
    step ()
    let counted = CountedOperations.Now
    let began = Stopwatch.GetTimestamp()
    use profile = new OperatorProfile()
    step ()
    let calls = profile.Stop()
    let ended = Stopwatch.GetTimestamp()
    let counted = CountedOperations.Now.Since counted
    let names = set [ for call in calls -> call.Name ]

    for name in
        [
            "aten::randn"
            "aten::sum"
            "evo::linear"
            "evo::rms_norm"
            "Linear backward"
        ] do
        Assert.Contains(name, names)

    for call in calls do
        Assert.InRange(call.Begin, began, call.End)
        Assert.InRange(call.End, call.Begin, ended)
        Assert.Equal(OperatorProfile.Thread, call.Thread)

    // Calls of one thread lie one after the other or inside one another.
    for one in calls do
        for other in calls do
            Assert.True(
                one.End <= other.Begin
                || other.End <= one.Begin
                || one.Begin <= other.Begin && other.End <= one.End
                || other.Begin <= one.Begin && one.End <= other.End
            )

    let named name =
        calls |> Seq.filter (fun call -> call.Name = name)

    // A multiply and an add for each element; the backward has one product, as x needs no gradient.
    let product = 2L * 64L * 32L * 16L
    Assert.Equal(product, named "evo::linear" |> Seq.sumBy _.Operations)
    Assert.Equal(product, named "Linear backward" |> Seq.sumBy _.Operations)
    Assert.Equal(2L * product, counted.Products)
    // x, weight and y of four bytes; and what only looks at a tensor in another way moves nothing.
    Assert.Equal(4L * (64L * 32L + 16L * 32L + 64L * 16L), (named "evo::linear" |> Seq.head).Bytes)

[<Fact>]
let ``views and memory that is asked for move no bytes, writing into a view does`` () =
    use _ = torch.NewDisposeScope()
    let x = torch.zeros (8L, 4L)
    use profile = new OperatorProfile()
    let other = torch.empty 100L
    let view = x.view(32L).t()
    view.add_ (torch.ones 1L) |> ignore
    other.copy_ (torch.narrow (other, 0L, 0L, 100L)) |> ignore
    let bytes = Map [ for call in profile.Stop() -> call.Name, call.Bytes ]
    Assert.Equal(0L, bytes["aten::view"])
    Assert.Equal(0L, bytes["aten::t"])
    Assert.Equal(0L, bytes["aten::empty"])
    Assert.Equal(4L * (2L * 32L + 1L), bytes["aten::add_"])

[<Fact>]
let ``one records at a time, and after its end nothing is recorded`` () =
    use profile = new OperatorProfile()

    Assert.Throws<TorchException>(fun () -> new OperatorProfile() |> ignore)
    |> ignore

    let before = profile.Stop().Count
    step ()
    Assert.Equal(before, profile.Stop().Count)
    use another = new OperatorProfile()
    Assert.Empty(another.Stop())

// In float64 the products are libtorch's own operators.
[<Theory>]
[<InlineData(torch.ScalarType.Float32)>]
[<InlineData(torch.ScalarType.Float64)>]
let ``products of experts are counted in the one call that does them all, and so is their time``
    (dtype: torch.ScalarType)
    =
    use _ = torch.NewDisposeScope()

    let normal (shape: int64 array) =
        torch.randn(shape, Nullable dtype).requires_grad_ true

    let x, weights = normal [| 10L; 6L |], [ for _ in 1..2 -> normal [| 3L; 8L; 6L |] ]
    use profile = new OperatorProfile()
    Ops.GroupedLinear(x, [| 7L; 0L; 3L |], weights[0], weights[1]).sum().backward()
    let calls = profile.Stop()

    let operations name =
        calls
        |> Seq.filter (fun call -> call.Name = name)
        |> Seq.map _.Operations
        |> List.ofSeq

    // Two maps of ten rows; each has a gradient of its weights and one of the rows.
    let product = 2L * 2L * 10L * 8L * 6L
    Assert.Equal<int64 list>([ product ], operations "evo::grouped_linear")
    Assert.Equal<int64 list>([ 2L * product ], operations "GroupedLinear backward")

    for name in [ "aten::mm"; "aten::addmm_" ] do
        Assert.Empty(operations name)

[<Fact>]
let ``products of libtorch's own operators are counted, with those of calls inside`` () =
    use _ = torch.NewDisposeScope()
    let a, b = torch.randn(2L, 3L, 4L).requires_grad_ true, torch.randn (2L, 4L, 5L)
    let plane (x: torch.Tensor) = x.select (0L, 0L)
    let bias = torch.zeros (3L, 5L)

    let operations (call: unit -> torch.Tensor) =
        use profile = new OperatorProfile()
        call () |> ignore
        // The outermost call has those of all inside it.
        profile.Stop() |> Seq.map _.Operations |> Seq.max

    let one = 2L * 3L * 4L * 5L
    Assert.Equal(one, operations (fun () -> (plane a).matmul(plane b)))
    Assert.Equal(one, operations (fun () -> torch.addmm (bias, plane a, plane b, 1f, 1f)))
    Assert.Equal(2L * one, operations (fun () -> a.bmm b))
    Assert.Equal(2L * one, operations (fun () -> a.matmul b))
    Assert.Equal(0L, operations (fun () -> a + a))
