/// Experts at their edges: nobody came, everything was dropped, places that are none, shapes that do not meet.
namespace Evo.Torch.Tests

open System
open Xunit
open TorchSharp
open Evo.Torch
open Evo.Torch.Tests.KernelsInputs
open Evo.Torch.Tests.KernelsCases

[<Collection("kernels")>]
type ``A kernel of experts``() =

    static let numbers (values: int64 list) =
        torch.tensor (Array.ofList values, dtype = Nullable torch.ScalarType.Int64)

    static let list (x: Tensor) =
        List.ofArray (x.data<int64>().ToArray())

    static let refused (words: string list) (call: unit -> unit) =
        let error = Assert.ThrowsAny<Exception>(fun () -> withNative true call)

        for word in words do
            Assert.Contains(word, error.Message)

    [<Fact>]
    member _.``orders pairs by expert and within an expert as they came, those that were dropped at the end``
        ()
        =
        let random = Random 5

        for N, K, E in [ (0, 2, 3); (1, 1, 1); (40, 3, 5); (200, 2, 64) ] do
            let chosen = KernelsExperts.choices random N K E true
            let native = withNative true (fun () -> Ops.OrderByExpert(chosen, int64 E))
            let plain = withNative false (fun () -> Ops.OrderByExpert(chosen, int64 E))

            let expected =
                list chosen |> List.indexed |> List.sortBy snd |> List.map (fst >> int64)

            Assert.Equal<int64 list>(expected, list native.Pairs)

            for order in [ native; plain ] do
                Assert.Equal<int64 list>(expected, list order.Pairs)

                Assert.Equal<int64 list>(
                    [ for p in 0L .. int64 (N * K) - 1L -> p ],
                    [ for p in list order.Places -> expected[int p] ] |> List.sort
                )

                for pair, place in List.indexed (list order.Places) do
                    Assert.Equal(int64 pair, expected[int place])

                Assert.Equal<int64[]>(
                    [|
                        for e in 0L .. int64 E - 1L ->
                            int64 (list chosen |> List.filter ((=) e) |> List.length)
                    |],
                    order.Counts
                )

    [<Fact>]
    member _.``to whom nobody came still has gradients of zeros, and so has a token whose choices were dropped``
        ()
        =
        for native in [ true; false ] do
            withNative native (fun () ->
                let leaf seed shape = (seeded seed shape).requires_grad_()

                let x, gate, up, down =
                    leaf 1 [ 3; 4 ], leaf 2 [ 2; 5; 4 ], leaf 3 [ 2; 5; 4 ], leaf 4 [ 2; 4; 5 ]

                let weights = leaf 5 [ 3; 2 ]
                let order = Ops.OrderByExpert(numbers([ 2L; 2L; 2L; 2L; 2L; 2L ]).view(3L, 2L), 2L)
                Assert.Equal(0L, order.Kept)
                let rows = Ops.PermuteToExperts(x, order, 2)
                let outputs = Ops.GroupedMlp(rows, order.Counts, gate, up, down, "silu")
                let y = Ops.CombineExperts(outputs, order, weights)
                Assert.Equal<int64[]>([| 3L; 4L |], y.shape)
                Assert.Equal(0.0, y.abs().sum().item<double>())
                y.sum().backward()

                for leaf in [ x; gate; up; down; weights ] do
                    Assert.Equal<int64[]>(leaf.shape, (gradientOf leaf).shape)
                    Assert.Equal(0.0, (gradientOf leaf).abs().sum().item<double>()))

    [<Fact>]
    member _.``gives a gradient to whom it is due``() =
        for rowsLearn, firstLearns, secondLearns in
            [ (true, false, false); (false, true, false); (false, false, true) ] do
            let rows = (seeded 1 [ 5; 3 ]).requires_grad_ rowsLearn
            let first = (seeded 2 [ 2; 4; 3 ]).requires_grad_ firstLearns
            let second = (seeded 3 [ 2; 4; 3 ]).requires_grad_ secondLearns
            Ops.GroupedLinear(rows, [| 2L; 3L |], first, second).sum().backward()

            Assert.Equal(
                (rowsLearn, firstLearns, secondLearns),
                (not (isNull rows.grad), not (isNull first.grad), not (isNull second.grad))
            )

    [<Fact>]
    member _.``has the same bits with one thread, where there is work for several``() =
        // A thread takes 16,384 numbers at least: drawn cases are mostly smaller.
        let tokens, K, C = 400, 5, 70
        let order = Ops.OrderByExpert(KernelsExperts.choices (Random 3) tokens K 6 true, 6L)

        let float32 seed shape =
            (seeded seed shape).to_type torch.ScalarType.Float32

        let run threads =
            torch.set_num_threads threads
            let x = (float32 1 [ tokens; C ]).requires_grad_()
            let shares = (float32 2 [ tokens; K ]).requires_grad_()
            let rows = Ops.PermuteToExperts(x, order, K)
            let y = Ops.CombineExperts(rows * rows, order, shares)
            (y * float32 3 [ tokens; C ]).sum().backward()
            [ y.detach (); gradientOf x; gradientOf shares ]

        let before = torch.get_num_threads ()

        try
            let one = run 1

            for threads in [ 2; 3 ] do
                Assert.True(List.forall2 same one (run threads), $"{threads} threads")
        finally
            torch.set_num_threads before

    [<Fact>]
    member _.``names the operator and the numbers when they do not meet``() =
        refused [ "evo::order_by_expert"; "expert 4 of pair 1"; "none of 3" ] (fun () ->
            Ops.OrderByExpert(numbers([ 0L; 4L ]).view(1L, 2L), 3L) |> ignore)

        let order (places: int64 list) counts =
            ExpertOrder(numbers places, numbers places, counts)

        refused [ "evo::permute_to_experts"; "[3, 2]"; "[4]"; "2 choices" ] (fun () ->
            Ops.PermuteToExperts(seeded 1 [ 3; 2 ], order [ 0L; 1L; 2L; 3L ] [| 4L |], 2)
            |> ignore)

        refused [ "evo::permute_to_experts"; "5 kept" ] (fun () ->
            Ops.PermuteToExperts(seeded 1 [ 2; 2 ], order [ 0L; 1L; 2L; 3L ] [| 5L |], 2)
            |> ignore)

        refused [ "evo::permute_to_experts"; "pair 2 has place 7 of 4" ] (fun () ->
            Ops.PermuteToExperts(seeded 1 [ 2; 2 ], order [ 0L; 1L; 7L; 3L ] [| 4L |], 2)
            |> ignore)

        refused [ "evo::permute_to_experts"; "two pairs have place 1" ] (fun () ->
            Ops.PermuteToExperts(seeded 1 [ 2; 2 ], order [ 0L; 1L; 1L; 3L ] [| 4L |], 2)
            |> ignore)

        refused [ "evo::combine_experts"; "rows [5, 2]"; "[4]"; "[2, 2]" ] (fun () ->
            Ops.CombineExperts(seeded 1 [ 5; 2 ], order [ 0L; 1L; 2L; 3L ] [| 4L |], seeded 2 [ 2; 2 ])
            |> ignore)

        refused [ "evo::combine_experts"; "two pairs have place 3" ] (fun () ->
            Ops.CombineExperts(seeded 1 [ 4; 2 ], order [ 3L; 1L; 2L; 3L ] [| 4L |], seeded 2 [ 2; 2 ])
            |> ignore)

        refused [ "GroupedLinear"; "2 counts of 5 rows"; "[6, 3]"; "[2, 4, 3]" ] (fun () ->
            Ops.GroupedLinear(seeded 1 [ 6; 3 ], [| 2L; 3L |], seeded 2 [ 2; 4; 3 ])
            |> ignore)

        refused [ "evo::grouped_linear"; "rows [5, 2]"; "[2, 3]"; "[2, 4, 3]" ] (fun () ->
            Ops.GroupedLinear(seeded 1 [ 5; 2 ], [| 2L; 3L |], seeded 2 [ 2; 4; 3 ])
            |> ignore)

        refused [ "evo::grouped_linear"; "-1 rows" ] (fun () ->
            Ops.GroupedLinear(seeded 1 [ 5; 3 ], [| -1L; 6L |], seeded 2 [ 2; 4; 3 ])
            |> ignore)

        refused [ "evo::grouped_linear"; "[2, 4, 3]"; "[2, 5, 3]"; "one shape" ] (fun () ->
            Ops.GroupedLinear(seeded 1 [ 5; 3 ], [| 2L; 3L |], seeded 2 [ 2; 4; 3 ], seeded 3 [ 2; 5; 3 ])
            |> ignore)

    [<Fact>]
    member _.``refuses a second derivative instead of giving a wrong one``() =
        let x = (seeded 1 [ 2; 3 ]).requires_grad_()
        let weight = (seeded 2 [ 1; 4; 3 ]).requires_grad_()
        let order = Ops.OrderByExpert(numbers([ 0L; 0L ]).view(2L, 1L), 1L)
        let shares = (seeded 3 [ 2; 1 ]).requires_grad_()

        for name, call in
            [
                "permute_to_experts", (fun () -> Ops.PermuteToExperts(x, order, 1))
                "combine_experts", (fun () -> Ops.CombineExperts(x, order, shares))
                "grouped_linear", (fun () -> Ops.GroupedLinear(x, [| 2L |], weight))
            ] do
            let twice () =
                torch.autograd.grad ([| (call ()).square().sum() |], [| x |], create_graph = true)
                |> ignore

            refused [ $"evo::{name}"; "UseNative" ] twice
            withNative false twice
