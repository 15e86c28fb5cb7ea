/// The backward of every collective is its adjoint: ⟨Cx, y⟩ = ⟨x, C*y⟩, through autograd, on whole numbers.
module Evo.Parallel.Tests.Duals

open System
open System.Collections.Generic
open Evo.Parallel
open Evo.Parallel.Tests.Grids
open Evo.Parallel.Tests.GroupMeanings
open Evo.Parallel.Tests.Worlds
open Evo.Torch
open FsCheck.FSharp
open TorchSharp
open Xunit

/// How the ranks' tensors make up one value. The gradient of R is P, of P is R; S and I are their own.
type private Placement =
    | R
    | I
    | S
    | P

/// ⟨a, b⟩ of a value and its gradient: invariant values count once, all others on every rank.
let private product placement (a: Grid list) (b: Grid list) =
    match placement with
    | I -> inner a.Head b.Head
    | R
    | S
    | P -> List.map2 inner a b |> List.sum

let private equalOnAllRanks (tensors: torch.Tensor list) =
    tensors |> List.forall (fun t -> bits t = bits tensors.Head)

/// One value for each rank: the same where the placement says so.
let private values placement (shapes: int list list) =
    match placement with
    | R
    | I -> grid shapes.Head |> Gen.map (fun g -> List.replicate shapes.Length g)
    | S
    | P -> shapes |> List.map grid |> Gen.sequenceToList

let private gradientPlacement =
    function
    | R -> P
    | P -> R
    | same -> same

/// Runs forward and backward, on threads and over Gloo; gives all ranks' results and gradients.
let private differentiate (x: Grid list) (y: Grid list) (call: ProcessGroup -> torch.Tensor -> torch.Tensor) =
    let run (rank: RankWorld) =
        let leaf = (toTensor torch.float64 x[rank.Rank]).requires_grad_()
        let result = call (rank.Everyone "tensor") leaf
        // A group of one gives the leaf itself.
        (result.mul(toTensor torch.float64 y[rank.Rank]).sum()).backward()
        struct (result.detach().clone(), (nonNull leaf.grad).detach().clone())

    let all world =
        world x.Length run
        |> List.map (fun (struct (result: torch.Tensor, gradient: torch.Tensor)) -> result, gradient)
        |> List.unzip

    let results, gradients = all localResults
    let overGloo, backOverGloo = all glooResults
    Assert.Equal<byte[] list>(List.map bits results, List.map bits overGloo)
    Assert.Equal<byte[] list>(List.map bits gradients, List.map bits backOverGloo)
    results, gradients

/// The identity for random shapes; `outputs` says the ranks' shapes after the step.
let private isAdjoint
    (from: Placement, into: Placement)
    (cases: FsCheck.Gen<int list list * int list list * (ProcessGroup -> torch.Tensor -> torch.Tensor)>)
    =
    checkAll
        50
        (gen {
            let! inputs, outputs, call = cases
            let! x = values from inputs
            // What arrives as the gradient of R is partial, of I invariant.
            let! y = values (gradientPlacement into) outputs
            return x, y, call
        })
        (fun (x, y, call) ->
            let results, gradients = differentiate x y call

            let same =
                (into <> R && into <> I || equalOnAllRanks results)
                && (gradientPlacement from <> R && gradientPlacement from <> I
                    || equalOnAllRanks gradients)

            same
            && product into (List.map ofTensor results) y = product from x (List.map ofTensor gradients))

let private whole (call: ProcessGroup -> torch.Tensor -> torch.Tensor) =
    gen {
        let! ranks = sizes
        let! shape, _ = shapes
        return List.replicate ranks shape, List.replicate ranks shape, call
    }

/// Shards along a dimension, cut evenly or by sizes, and the whole.
let private cut (call: int -> IReadOnlyList<int64> | null -> ProcessGroup -> torch.Tensor -> torch.Tensor) =
    gen {
        let! ranks = sizes
        let! shape, dim = shapes
        let! given = Gen.listOfLength ranks (Gen.choose (0, 3))
        let! length = Gen.choose (0, 9)
        let! useGiven = Gen.elements [ true; false ]
        let lengths = if useGiven then given else blocks length ranks
        let shards = [ for length in lengths -> replaced dim length shape ]
        let all = List.replicate ranks (replaced dim (List.sum lengths) shape)
        let sizes: IReadOnlyList<int64> | null = if useGiven then longs lengths else null
        return shards, all, call dim sizes
    }

let private swapped cases =
    cases |> Gen.map (fun (inputs, outputs, call) -> outputs, inputs, call)

[<Fact>]
let ``copy: identity, sum`` () =
    isAdjoint (I, R) (whole (fun group x -> Collective.Copy(group, x, 1)))

[<Fact>]
let ``reduce: sum, identity`` () =
    isAdjoint (P, I) (whole (fun group x -> Collective.Reduce(group, x, 1)))

[<Fact>]
let ``reduce to replicated: sum, sum`` () =
    isAdjoint (P, R) (whole (fun group x -> Collective.ReduceReplicated(group, x, 1)))

[<Fact>]
let ``gather: all-gather, reduce-scatter`` () =
    isAdjoint (S, R) (cut (fun dim sizes group x -> Collective.Gather(group, x, dim, 1, sizes)))

[<Fact>]
let ``gather to invariant: all-gather, slice`` () =
    isAdjoint (S, I) (cut (fun dim sizes group x -> Collective.GatherInvariant(group, x, dim, 1, sizes)))

[<Fact>]
let ``reduce-scatter: reduce-scatter, all-gather`` () =
    cut (fun dim sizes group x -> Collective.ReduceScatter(group, x, dim, 1, sizes))
    |> swapped
    |> isAdjoint (P, S)

[<Fact>]
let ``split: slice, all-gather`` () =
    cut (fun dim sizes group x -> Collective.Split(group, x, dim, 1, sizes))
    |> swapped
    |> isAdjoint (I, S)

[<Fact>]
let ``split of replicated: slice, zero padding`` () =
    cut (fun dim sizes group x -> Collective.SplitReplicated(group, x, dim, 1, sizes))
    |> swapped
    |> isAdjoint (R, S)

[<Fact>]
let ``exchange: all-to-all, the other way`` () =
    isAdjoint
        (S, S)
        (gen {
            let! ranks = sizes
            let! shape, split = shapes
            let concat = (split + 1) % shape.Length
            let! whole = Gen.choose (0, 9)
            let! other = Gen.choose (0, 9)

            let shards dim length rest =
                [ for size in blocks length ranks -> replaced dim size rest ]

            return
                shards concat other (replaced split whole shape),
                shards split whole (replaced concat other shape),
                (fun group x -> Collective.Exchange(group, x, split - shape.Length, concat, 1))
        })

[<Fact>]
let ``exchange of rows: rows there, gradients back`` () =
    isAdjoint
        (S, S)
        (rows
         |> Gen.map (fun (counts, _) ->
             let received = List.transpose counts

             [ for row in counts -> [ List.sum row; 2 ] ],
             [ for row in received -> [ List.sum row; 2 ] ],
             (fun (group: ProcessGroup) x ->
                 Collective.ExchangeRows(group, x, longs counts[group.Rank], longs received[group.Rank], 1))))

[<Fact>]
let ``the direction of a collective is in its site`` () =
    let recorded =
        LocalWorld.Results(
            2,
            fun rank ->
                let calls = List<GroupCall>()
                let group = SiteRecorder(rank.Everyone "tensor", calls)
                let x = torch.ones([| 4L; 2L |]).requires_grad_()
                let y = Collective.Gather(group, Collective.ReduceScatter(group, x, 0, 7), 0, 9)
                (Collective.Reduce(group, y, 11).sum()).backward()
                [ for call in calls -> call.Operation, call.Site.Number, call.Site.Backward ]
        )

    let expected =
        [
            GroupOperation.ReduceScatter, 7, false
            GroupOperation.AllGather, 9, false
            GroupOperation.AllReduce, 11, false
            GroupOperation.ReduceScatter, 9, true
            GroupOperation.AllGather, 7, true
        ]

    Assert.All(recorded, (fun calls -> Assert.Equal<(GroupOperation * int * bool) list>(expected, calls)))

[<Fact>]
let ``without a gradient to compute nothing is recorded, and whole numbers pass`` () =
    let results =
        LocalWorld.Results(
            3,
            fun rank ->
                let group = rank.Everyone "tensor"
                let ids = torch.tensor [| int64 rank.Rank |]
                let gathered = Collective.Gather(group, ids, 0, 1)
                Assert.False gathered.requires_grad
                use _ = torch.no_grad ()
                let weight = torch.ones([| 1L |]).requires_grad_()
                Assert.False (Collective.Reduce(group, weight, 2)).requires_grad
                gathered.data<int64>().ToArray() |> List.ofArray
        )

    Assert.All(results, (fun found -> Assert.Equal<int64 list>([ 0L; 1L; 2L ], found)))

[<Fact>]
let ``uneven shards without their sizes are refused, not given a wrong gradient`` () =
    let error =
        Assert.Throws<LocalWorldException>(fun () ->
            LocalWorld.Run(
                3,
                fun rank ->
                    // Rank 1 alone could believe in even shards of 2.
                    let x = torch.ones [| [| 3L; 2L; 1L |].[rank.Rank] |]
                    Collective.Gather(rank.Everyone "tensor", x, 0, 5) |> ignore
            ))

    Assert.Contains("axis tensor, site 5", error.Message)
    Assert.Contains("give the lengths of all shards", error.Message)
