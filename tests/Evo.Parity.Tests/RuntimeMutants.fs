/// The kill ratio of the runtime: one mistake at one of its own collectives, or one step of a schedule in another place, and
/// the law must fail.
module Evo.Parity.Tests.RuntimeMutants

open System
open System.Collections.Concurrent
open System.Collections.Generic
open Evo.Core
open Evo.Parallel
open Evo.Parity.Tests.RuntimeGrounds
open Evo.Torch
open Xunit

/// A group of other ranks, which could be taken for this one; the same one on every rank.
let private mistaken (group: ProcessGroup) (all: ProcessGroup seq) =
    all
    |> Seq.tryFind (fun g -> g.Size > 1 && List.ofSeq g.Ranks <> List.ofSeq group.Ranks)

/// Groups are made one after the other: another one is found when it is needed.
type private Late(inner: ProcessGroup, mutant: Mutant, all: List<ProcessGroup>) =
    inherit GroupDecorator(inner)

    let wrong =
        lazy
            (match mistaken inner all with
             | Some other -> new MutantGroup(inner, mutant, other)
             | None -> new MutantGroup(inner, mutant))

    override _.Around(call, x) =
        GroupDecorator.Pass(wrong.Value, call, x)

type private Mistake =
    | AtCollective of Mutant
    | InSchedule of string * Schedule

let private name (mistake: Mistake) =
    match mistake with
    | AtCollective m ->
        let operation =
            match m.Operation with
            | o when o.HasValue -> $"{o.Value} "
            | _ -> ""

        $"{m.Mutation} at {operation}of site {m.Site}, {m.Axis}, {m.Direction}"
    | InSchedule(what, _) -> what

let private probe
    (ground: Ground)
    (around: Func<ProcessGroup, ProcessGroup> | null)
    (schedule: Schedule | null)
    =
    ParityProbe(
        BucketElements = ground.BucketElements,
        Around = around,
        Schedule = schedule,
        TimeLimit = Nullable limit
    )

/// Every mistake at a collective of the runtime that any rank takes part in.
let private atCollectives (ground: Ground) =
    let calls = ConcurrentDictionary<int, List<GroupCall>>()
    let groups = ConcurrentDictionary<int, List<ProcessGroup>>()

    let record (inner: ProcessGroup) =
        let rank = inner.Ranks[inner.Rank]
        groups.GetOrAdd(rank, (fun _ -> List())).Add inner

        if inner.Size > 1 then
            SiteRecorder(inner, calls.GetOrAdd(rank, (fun _ -> List()))) :> ProcessGroup
        else
            inner

    LayoutParity.Run(ground.Spec, ground.Layout, ground.Batch, probe ground (Func<_, _> record) null)
    |> ignore

    [
        for rank in Seq.sort calls.Keys do
            for mutant in Mutant.Of(calls[rank] |> Seq.filter (fun call -> call.Site.Number < 0)) do
                let canBeMade =
                    mutant.Mutation <> Mutation.WrongAxis
                    || groups[rank]
                       |> Seq.exists (fun g -> g.Axis = mutant.Axis && (mistaken g groups[rank]).IsSome)

                if canBeMade then
                    mutant
    ]
    |> List.distinct
    |> List.map AtCollective

/// Schedules with one step gone, done twice, or after the next: all of them on each rank, but those that are still right.
let private inSchedule (ground: Ground) =
    let right = RankModel.ScheduleOf ground.Layout

    if right.Stages = 1 then
        []
    else
        let steps =
            [| for rank in 0 .. right.Stages - 1 -> Array.ofSeq (right.StepsOf rank) |]

        [
            for rank in 0 .. right.Stages - 1 do
                let own = steps[rank]

                let other (what: string) (changed: Step array) =
                    let all = Array.updateAt rank changed steps
                    InSchedule($"{what} on rank {rank}", Schedule.OfSteps(right.Shape, Receipt.Late, all))

                for at, step in Array.indexed own do
                    other $"without the {step}" (Array.removeAt at own)

                    if step.Computes then
                        other $"with the {step} twice" (Array.insertAt at step own)

                    if at + 1 < own.Length then
                        other
                            $"with the {step} after the {own[at + 1]}"
                            (own |> Array.updateAt at own[at + 1] |> Array.updateAt (at + 1) step)
        ]
        |> List.filter (fun mistake ->
            match mistake with
            | InSchedule(_, schedule) ->
                // Another order of independent steps is another right schedule: there is nothing to see.
                not (List.isEmpty (ScheduleLaws.broken schedule))
            | _ -> true)

/// Mistakes that compute the same, with the proof.
let private equivalent (_: Ground) (mistake: Mistake) =
    match mistake with
    | AtCollective m when m.Site = RuntimeSites.Batch && m.Mutation = Mutation.WrongOrder ->
        Some "what batches hold is added up: the order of the ranks is nothing"
    | _ -> None

let private killed (ground: Ground) (mistake: Mistake) =
    let groups = ConcurrentDictionary<int, List<ProcessGroup>>()

    let run =
        match mistake with
        | AtCollective mutant ->
            let wear (inner: ProcessGroup) =
                let own = groups.GetOrAdd(inner.Ranks[inner.Rank], (fun _ -> List()))
                own.Add inner

                if inner.Size > 1 && inner.Axis = mutant.Axis then
                    new Late(inner, mutant, own) :> ProcessGroup
                else
                    inner

            probe ground (Func<_, _> wear) null
        | InSchedule(_, schedule) -> probe ground null schedule

    try
        let found = LayoutParity.Run(ground.Spec, ground.Layout, ground.Batch, run)
        not (Layouts.wrongIn ground.Serial found).IsEmpty
    with _ ->
        true

let private run count =
    let all =
        [|
            for ground in all.Value do
                for mistake in atCollectives ground @ inSchedule ground -> ground, mistake
        |]

    let total = all.Length
    let count = min count total

    let excluded, judged =
        [ for k in 0 .. count - 1 -> all[int (int64 k * int64 total / int64 count)] ]
        |> List.partition (fun (g, m) -> (equivalent g m).IsSome)

    let watch = Diagnostics.Stopwatch.StartNew()
    let survivors = judged |> List.filter (fun (g, m) -> not (killed g m))
    let dead = judged.Length - survivors.Length

    let text =
        String.concat
            "\n"
            [
                $"{dead} of {judged.Length} mistakes in the runtime seen ({100.0 * float dead / float judged.Length:f1} %%), {excluded.Length} equivalent, of {total} that can be made, {watch.Elapsed.TotalSeconds:f0} s"
                for g, m in survivors do
                    $"  survived: {g.Name}: {name m}"
            ]

    Console.WriteLine text
    Assert.True(float dead >= 0.98 * float judged.Length, text)
    judged.Length

[<Fact>]
let ``mistakes at the collectives and in the schedules of the runtime are seen`` () =
    Assert.True(run 80 >= 75, "too few mistakes were made")

[<Fact; Trait("Category", "Full")>]
let ``every mistake at a collective or in a schedule of the runtime is seen`` () =
    Assert.True(run Int32.MaxValue >= 300, "too few mistakes were made")
