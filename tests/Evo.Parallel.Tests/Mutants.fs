/// Groups that are wrong on purpose.
module Evo.Parallel.Tests.Mutants

open System.Collections.Generic
open Evo.Parallel
open Evo.Parallel.Tests.Grids
open Evo.Torch
open TorchSharp
open Xunit

let private ranks = 2

/// A program with one site of every kind; what each rank computes, and its gradients.
let private program (wear: LocalRank -> ProcessGroup -> ProcessGroup) =
    LocalWorld.Results(
        2 * ranks,
        fun rank ->
            let tensor =
                rank.Group("tensor", [| 2 * (rank.Rank / 2); 2 * (rank.Rank / 2) + 1 |])

            let group = wear rank tensor

            use generator = new torch.Generator(uint64 rank.Rank)

            let seed =
                torch.rand ([| 4L; 6L; 2L |], dtype = torch.float64, generator = generator)

            let x = seed.requires_grad_ ()
            let copied = Collective.Copy(group, x, 1)
            let scattered = Collective.ReduceScatter(group, copied.mul copied, 0, 2)
            let exchanged = Collective.Exchange(group, scattered, 1, 0, 3)
            let gathered = Collective.Gather(group, exchanged, 1, 4)
            let send = [| 1L + int64 group.Rank; 3L - int64 group.Rank |]
            let receive = if group.Rank = 0 then [| 1L; 2L |] else [| 3L; 2L |]
            let rows = Collective.ExchangeRows(group, gathered.mul gathered, send, receive, 5)

            let weights =
                torch.arange(6.0, dtype = torch.float64).reshape(3L, 2L).requires_grad_()

            let linear =
                Collective.GatherLinear(group, rows.narrow (0L, 0L, 2L), 0, [| weights |], [| null |], 6)

            let total = Collective.Reduce(group, (linear.mul linear).sum(), 7)
            let root = group.Broadcast(x, 0, Site(8, false))
            (total.add (root.sum ())).backward()
            List.map bits [ total; root; nonNull x.grad; nonNull weights.grad ]
    )

let private right = lazy program (fun _ group -> group)

let private recorded =
    lazy
        (let calls = List<GroupCall>()

         program (fun rank group -> if rank.Rank = 0 then SiteRecorder(group, calls) else group)
         |> ignore

         List.ofSeq calls)

[<Fact>]
let ``the recorder lists every call with its place, axis, shape and bytes`` () =
    let words = [ for call in recorded.Value -> $"{call}: {call.Bytes} B" ]

    Assert.Equal(
        "reduce-scatter (sum, dim 0, parts 2+2) of float64 [4, 6, 2], site 2 forward, axis tensor: 384 B",
        words[0]
    )

    Assert.Equal(
        "all-to-all (dim 1, concatenating dim 0) of float64 [2, 6, 2], site 3 forward, axis tensor: 192 B",
        words[1]
    )

    let places = [ for call in recorded.Value -> call.Site.Number, call.Site.Backward ]

    Assert.Equal<(int * bool) list>(
        [
            for number in 2..8 do
                number, false
            for number in [ 6; 6; 5; 4; 3; 2; 1 ] do
                number, true
        ],
        places
    )

[<Fact>]
let ``every mutant of every site changes calls there, keeps all shapes, and changes what is computed`` () =
    let mutants = Mutant.Of recorded.Value
    let kinds = mutants |> Seq.map _.Mutation |> Seq.distinct |> Seq.length
    Assert.Equal(7, kinds)
    Assert.InRange(mutants.Count, 60, 200)
    let survivors = List<Mutant>()

    for mutant in mutants do
        let groups = Array.zeroCreate<MutantGroup>(2 * ranks)

        let results =
            program (fun rank group ->
                let other = rank.Group("data", [| rank.Rank % 2; rank.Rank % 2 + 2 |])
                groups[rank.Rank] <- MutantGroup(group, mutant, other)
                groups[rank.Rank])

        Assert.All(groups, (fun group -> Assert.InRange(group.Changed, 1, 3)))

        if results = right.Value then
            survivors.Add mutant

    Assert.Empty survivors

[<Fact>]
let ``a mutant of one direction leaves the other as it is`` () =
    let operation = GroupOperation.AllReduce

    let counted direction =
        LocalWorld.Results(
            2,
            fun rank ->
                let group =
                    MutantGroup(
                        rank.Everyone "tensor",
                        Mutant(1, "tensor", Mutation.Double, direction, operation)
                    )

                let x = torch.ones([| 2L |]).requires_grad_()
                let y = Collective.ReduceReplicated(group, x, 1)
                (y.sum ()).backward()
                y.detach().sum().ToDouble(), (nonNull x.grad).sum().ToDouble(), group.Changed
        )

    // Summed twice over two ranks: a factor of 2.
    Assert.Equal((8.0, 4.0, 1), (counted MutantDirection.ForwardOnly)[0])
    Assert.Equal((4.0, 8.0, 1), (counted MutantDirection.BackwardOnly)[0])
    Assert.Equal((8.0, 8.0, 2), (counted MutantDirection.Both)[0])

[<Fact>]
let ``a mutant of another site or axis changes nothing`` () =
    for mutant in
        [
            Mutant(99, "tensor", Mutation.Delete, MutantDirection.Both)
            Mutant(2, "data", Mutation.Delete, MutantDirection.Both)
        ] do
        Assert.Equal<byte[] list[]>(right.Value, program (fun _ group -> MutantGroup(group, mutant)))
