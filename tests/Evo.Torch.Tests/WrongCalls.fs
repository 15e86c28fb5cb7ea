/// A thousand wrong calls: whatever the shapes, types and indices, the process goes on.
module Evo.Torch.Tests.WrongCalls

open System
open FsCheck
open FsCheck.FSharp
open Xunit
open TorchSharp
open Evo.Torch
open Evo.Torch.Native
open Evo.Torch.Tests.Given

type Call =
    {
        Operator: int
        Left: int64 list
        Right: int64 list
        LeftType: torch.ScalarType
        RightType: torch.ScalarType
        Dim: int64
        Index: int64
        Freed: bool
    }

let private types =
    [
        torch.float32
        torch.float64
        torch.int64
        torch.bool
        torch.bfloat16
        torch.float16
        torch.int32
        torch.uint8
        torch.complex64
    ]

let private calls: Gen<Call> =
    gen {
        let size =
            Gen.frequency [ 1, Gen.elements [ -1L; 0L ]; 12, Gen.elements [ 1L; 2L; 3L ] ]

        let shape = Gen.choose (0, 4) |> Gen.bind (fun d -> Gen.listOfLength d size)
        let! operator = Gen.choose (0, 27)
        let! left = shape
        let! right = Gen.frequency [ 1, shape; 1, Gen.constant left ]
        let! leftType = Gen.elements types

        let! rightType =
            Gen.frequency [ 1, Gen.elements types; 1, Gen.constant leftType; 1, Gen.constant torch.int64 ]

        let! dim = Gen.choose (-4, 4)

        let! index =
            Gen.frequency
                [
                    9, Gen.choose (-6, 6) |> Gen.map int64
                    1, Gen.elements [ Int64.MaxValue; Int64.MinValue ]
                ]

        let! freed = Gen.frequency [ 19, Gen.constant false; 1, Gen.constant true ]

        return
            {
                Operator = operator
                Left = left
                Right = right
                LeftType = leftType
                RightType = rightType
                Dim = int64 dim
                Index = index
                Freed = freed
            }
    }

let private perform call =
    use scope = torch.NewDisposeScope()
    let make shape (kind: torch.ScalarType) = Aten.ones (span shape, Nullable kind)
    let a = make call.Left call.LeftType
    let b = make call.Right call.RightType

    if call.Freed then
        a.Dispose()

    let one: obj | null =
        match call.Operator with
        | 0 -> Aten.add_Tensor (a, b)
        | 1 -> Aten.matmul (a, b)
        | 2 -> Aten.index_select (a, call.Dim, b)
        | 3 -> Aten.gather (a, call.Dim, b)
        | 4 -> Aten.select_int (a, call.Dim, call.Index)
        | 5 -> Aten.slice_Tensor (a, call.Dim, Nullable call.Index, Nullable 3L, call.Dim)
        | 6 -> Aten.embedding (a, b)
        | 7 -> Aten.cat ([| a; b |], call.Dim)
        | 8 -> Aten.view (a, span [ call.Dim; call.Index ])
        | 9 -> Aten.softmax_int (a, call.Dim)
        | 10 -> Aten.layer_norm (a, span call.Right, b)
        | 11 -> Aten.nll_loss (a, b)
        | 12 -> Aten.cross_entropy_loss (a, b)
        | 13 -> Aten.index_put_ (a, [| b |], a)
        | 14 -> Aten.scatter__src (a, call.Dim, b, a)
        | 15 -> Aten.masked_fill_Scalar (a, b, number 1.0)
        | 16 -> Aten.permute (a, span [ call.Dim; call.Index ])
        | 17 -> Aten.reshape (a, span call.Right)
        | 18 -> Aten.expand (a, span call.Right)
        | 19 -> box (Aten.topk (a, call.Index, call.Dim))
        | 20 -> Aten.narrow (a, call.Dim, call.Index, call.Dim)
        | 21 -> Aten.linear (a, b)
        | 22 -> Aten.bmm (a, b)
        | 23 -> Aten.copy_ (a, b)
        | 24 -> Aten.where_self (a, b, a)
        | 25 ->
            a.requires_grad <- true
            (Aten.mul_Tensor (a, b)).backward()
            a
        | 26 ->
            a.grad <- b
            a
        | _ -> box (a.item<float32>())

    ignore one

[<Fact>]
let ``a thousand random calls end in a result or in an exception of ours`` () =
    let mutable good, refused = 0, 0

    let property call =
        try
            perform call
            good <- good + 1
            true
        with
        | :? TorchException
        | :? ObjectDisposedException
        | :? ArgumentException ->
            refused <- refused + 1
            true

    let left =
        leaked (fun () ->
            Check.One(Config.QuickThrowOnFailure.WithMaxTest 1000, Prop.forAll (Arb.fromGen calls) property))

    printfn $"{good} calls gave a result, {refused} an exception"
    Assert.True(good > 100 && refused > 300, $"{good} and {refused}: the calls do not try both")
    Assert.Equal(0L, left)

[<Fact>]
let ``the smallest integer divided by -1 is an exception, not the end of the process`` () =
    use smallest = torch.tensor [| Int64.MinValue; 6L |]
    use minusOne = torch.tensor [| -1L; -1L |]
    use short = torch.tensor [| Int32.MinValue |]
    use shortMinusOne = torch.tensor [| -1 |]

    let divisions: (unit -> torch.Tensor) list =
        [
            fun () -> smallest.floor_divide minusOne
            fun () -> smallest.remainder minusOne
            fun () -> smallest.fmod minusOne
            fun () -> smallest.div (minusOne, torch.RoundingMode.trunc)
            fun () -> short.floor_divide shortMinusOne
        ]

    for divide in divisions do
        let refusal = Assert.Throws<TorchException>(fun () -> divide () |> ignore)
        Assert.Contains("divided by -1", refusal.Message)

    use quotient = smallest.div minusOne
    Assert.Equal(-6f, quotient[1L].item<float32>())
    use sixth = smallest.floor_divide (torch.tensor [| 2L; -1L |])
    Assert.Equal(-6L, sixth[1L].item<int64>())
