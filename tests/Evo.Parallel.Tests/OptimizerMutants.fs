/// Every collective of the optimizer, made wrong in every way, changes what is trained.
module Evo.Parallel.Tests.OptimizerMutants

open System.Collections.Generic
open Evo.Parallel
open Evo.Parallel.Tests.ToyModel
open Evo.Torch
open Xunit

let private mutantsOf (way: Way) =
    let calls = List<GroupCall>()

    trainRanks
        (fun rank group _ ->
            if rank = 0 then
                SiteRecorder(group, calls) :> ProcessGroup
            else
                group)
        way
    |> ignore

    Mutant.Of calls

let private survives way mutant =
    let worn = List<MutantGroup>()

    let trained =
        try
            trainRanks
                (fun _ group other ->
                    let wearing = new MutantGroup(group, mutant, other)
                    lock worn (fun () -> worn.Add wearing)
                    wearing)
                way
            |> differences
        with :? LocalWorldException as error ->
            [ error.Message ]

    Assert.Contains(worn, (fun group -> group.Changed > 0))
    trained.IsEmpty

let private kills (fewest: int) (sites: int list) (way: Way) =
    let mutants = mutantsOf way
    Assert.InRange(mutants.Count, fewest, 200)

    Assert.Equal<int list>(
        List.sort sites,
        mutants |> Seq.map _.Site |> Seq.distinct |> Seq.sort |> List.ofSeq
    )

    Assert.Empty(mutants |> Seq.filter (survives way))

/// Buckets so small that parameters are cut between the ranks that share them.
let private cut = { Way.Of 2 with Bucket = 1L }

[<Fact>]
let ``a reduction that is skipped, averaged, doubled or over the wrong group is seen`` () =
    kills
        20
        [
            OptimizerSites.Reduce
            OptimizerSites.ReduceReplicas
            OptimizerSites.Gather
            OptimizerSites.ReadWhole
        ]
        cut

[<Fact>]
let ``so it is with all-reduce and broadcast, over one group and over two`` () =
    let sites =
        [ OptimizerSites.Reduce; OptimizerSites.Gather; OptimizerSites.ReadWhole ]

    let way =
        { cut with
            Reduction = Evo.Core.GradientReduction.AllReduce
        }

    kills 15 sites { way with Whole = true }
    kills 15 (OptimizerSites.ReduceReplicas :: sites) way

[<Fact>]
let ``so it is with fully sharded blocks`` () =
    kills
        20
        [
            OptimizerSites.Reduce
            OptimizerSites.ReduceReplicas
            OptimizerSites.GatherBlock
            OptimizerSites.ReadWhole
        ]
        { cut with Fully = true }
