/// Products that are computed while a collective is under way.
module Evo.Parallel.Tests.CoveredGroups

open System.Collections.Generic
open Evo.Parallel
open Evo.Parallel.Tests.Worlds
open Evo.Torch
open TorchSharp
open TorchSharp.Modules
open Xunit

/// Notes what is called whole, what is begun, and what a weight's gradient was when it was waited for.
type private Noting(inner: ProcessGroup, weight: Parameter, notes: List<string>) =
    inherit GroupDecorator(inner)

    let gradient () =
        if isNull (box weight.grad) then "none yet" else "there"

    override this.Begun(call, x) =
        notes.Add $"begun {call.Operation} {call.Site.Number}, the weight's gradient is {gradient ()}"
        let pending = GroupDecorator.PassBegun(inner, call, x)

        { new PendingTensor() with
            member _.IsDone = pending.IsDone

            member _.Wait() =
                notes.Add $"waited for, the weight's gradient is {gradient ()}"
                pending.Wait()
        }

    override _.Around(call, x) =
        notes.Add $"whole {call.Operation}"
        GroupDecorator.Pass(inner, call, x)

/// One backward pass of a column-split linear map on two ranks: the notes of each, the gradients of input and weight.
let private columns (covered: bool) (enter: ProcessGroup -> torch.Tensor -> torch.Tensor) =
    localResults 2 (fun rank ->
        // Ranks are threads of one process: each draws from a generator of its own.
        let random (shape: int64 array) (seed: int) =
            use generator = new torch.Generator(uint64 seed)
            torch.randn (shape, dtype = torch.float32, generator = generator)

        let x = (random [| 4L; 3L |] 1).requires_grad_ true
        let weight = new Parameter(random [| 5L; 3L |] (2 + rank.Rank))
        let notes = List<string>()
        let group = Noting(rank.Everyone "tensor", weight, notes) :> ProcessGroup
        let waiting = WeightGradients()

        if covered then
            waiting.PutOff weight

        let group =
            if covered then
                CoveredGroup(group, waiting) :> ProcessGroup
            else
                group

        let y = Ops.Linear(enter group x, weight)
        notes.Clear()
        y.pow(torch.tensor 2.0).sum().backward()
        waiting.Take().Invoke()

        List.ofSeq notes,
        [
            for t in [ nonNull x.grad; nonNull weight.grad ] -> t.contiguous().data<float32>().ToArray()
        ])

let private copied (group: ProcessGroup) x = Collective.Copy(group, x, 7)

let private gathered (group: ProcessGroup) x = Collective.Gather(group, x, 0, 7)

[<Fact>]
let ``the gradient of a weight is computed while that of the input is summed, and both keep their bits`` () =
    for enter, operation in [ copied, "AllReduce"; gathered, "ReduceScatter" ] do
        let covered, plain = columns true enter, columns false enter

        for (notes, gradients), (whole, expected) in Seq.zip covered plain do
            Assert.Equal<float32 array list>(expected, gradients)
            Assert.Equal<string list>([ $"whole {operation}" ], whole)

            Assert.Equal<string list>(
                [
                    $"begun {operation} 7, the weight's gradient is none yet"
                    "waited for, the weight's gradient is there"
                ],
                notes
            )
