/// The kill ratio: one mistake at one collective of an emitted forward or backward, and a comparison must fail.
module Evo.Parity.Tests.Mutants

open System
open System.Collections.Generic
open Evo.Models
open Evo.Parallel
open Evo.Torch
open Xunit

/// A model and a layout whose every axis has two ranks, so that taking one for another is a mistake that can be made.
type Ground =
    {
        Name: string
        Spec: CausalLM
        Layout: ParityLayout
        Batch: ParityBatch
        Serial: ParityFigures
    }

let private spread (name: string) (spec: CausalLM) (layout: ParityLayout) =
    let batch = Small.batch 5 2 12 spec

    {
        Name = $"{name}, {layout}"
        Spec = spec
        Layout = layout
        Batch = batch
        Serial = Parity.Step(spec, ParityLayout.Serial, batch)
    }

let private ground (name: string) (spec: CausalLM) (mode: ParallelMode) (splitsHidden: bool) =
    spread name spec (ParityLayout(mode, 2, (if mode = ParallelMode.Isp then 2 else 1), 2, splitsHidden))

let private family (name: string) =
    let family = nonNull (ModelFamilies.Find name)
    Small.make (family.FromHuggingFace.Invoke(Text.Json.Nodes.JsonObject()))

/// Few experts, each with places for more choices than one row makes of it and fewer than all rows do: whose choice comes first
/// matters to every rank.
let private fewExperts = Small.with' SizeRole.Experts 4

/// Fewer key-value heads than ranks, which has collectives of its own.
let private oneHead = Small.with' SizeRole.KvHeads 1

let private grounds () =
    [
        for name in
            [
                "LLAMA2"
                "GPT2"
                "INTERNLM"
                "QWEN2"
                "GEMMA"
                "BAICHUAN2"
                "MIXTRALMOE"
                "QWEN2MOE"
                "INTERNLM2"
                "INTERNLM_MoE"
            ] do
            for mode in Small.modes do
                ground name (family name) mode true

        for mode in Small.modes do
            ground "QWEN2 with one key-value head" (oneHead (family "QWEN2")) mode false

        // Experts over the data axis, and over both.
        for name in [ "MIXTRALMOE"; "INTERNLM_MoE" ] do
            spread name (family name) (ParityLayout(ParallelMode.Mtp, 2, Data = 2, Expert = 2))
            spread name (family name) (ParityLayout(ParallelMode.Mtp, 2, Data = 2, Expert = 2, NoTp = true))
            spread name (fewExperts (family name)) (ParityLayout(ParallelMode.Msp, 2, Data = 2, Expert = 4))
    ]

/// Every mistake that can be made at any collective of the step.
let private mutants (ground: Ground) =
    let calls = List<GroupCall>()

    let record (inner: ProcessGroup) (_: IReadOnlyList<ProcessGroup>) =
        if inner.Size > 1 && inner.Ranks[inner.Rank] = 0 then
            SiteRecorder(inner, calls) :> ProcessGroup
        else
            inner

    Parity.Step(ground.Spec, ground.Layout, ground.Batch, record) |> ignore
    List.ofSeq (Mutant.Of calls)

/// Whether the comparison sees the mistake.
let private killed (ground: Ground) (mutant: Mutant) =
    let change (inner: ProcessGroup) (all: IReadOnlyList<ProcessGroup>) =
        if inner.Size > 1 && inner.Axis = mutant.Axis then
            // Another axis of the mesh, of the same size.
            let other =
                all
                |> Seq.find (fun g -> g.Size = inner.Size && not (Seq.forall2 (=) g.Ranks inner.Ranks))

            MutantGroup(inner, mutant, other) :> ProcessGroup
        else
            inner

    try
        let found =
            Parity.Step(ground.Spec, ground.Layout, ground.Batch, change, TimeSpan.FromSeconds 20.0)

        let struct (error, _) = found.Compare ground.Serial
        not (error <= Parity.Tolerance) || found.Unequal.Count > 0
    with _ ->
        true

/// Mutants that compute the same, each with its proof.
let private equivalent (ground: Ground) (mutant: Mutant) : string option =
    let spec = ground.Spec

    let ofOneHead =
        spec.Size.KvHeadCount = 1
        && spec.Plan(ground.Layout.Mode).Sites
           |> Seq.exists (fun site ->
               site.Number = mutant.Site && site.Elements(1L, 1L) = float spec.Size.HeadSize)

    if
        ofOneHead
        && ground.Layout.Mode = ParallelMode.Isp
        && mutant.Mutation = Mutation.WrongOrder
        && mutant.Direction = MutantDirection.ForwardOnly
    then
        Some "the one key-value head is sent to every rank: parts that are all the same may go in any order"
    else
        None

let private run (count: int) =
    let all =
        [|
            for g in grounds () do
                for m in mutants g -> g, m
        |]

    let total = all.Length
    // Spread evenly over layouts, sites and mistakes: the same on every run.
    let chosen =
        [
            for k in 0 .. min count total - 1 -> all[int (int64 k * int64 total / int64 (min count total))]
        ]

    let excluded, judged =
        chosen |> List.partition (fun (g, m) -> (equivalent g m).IsSome)

    let survivors = judged |> List.filter (fun (g, m) -> not (killed g m))
    let dead = judged.Length - survivors.Length

    let text =
        String.concat
            "\n"
            [
                $"{dead} of {judged.Length} mutants killed ({100.0 * float dead / float judged.Length:f1} %%), {excluded.Length} equivalent, of {total} that can be made"
                for g, m in survivors do
                    $"  survived: {g.Name}: {m}"
            ]

    Console.WriteLine text

    let unbearable =
        survivors
        |> List.filter (fun (_, m) -> m.Mutation = Mutation.Delete || m.Mutation = Mutation.WrongAxis)

    Assert.True(unbearable.IsEmpty, $"a deleted collective or a wrong axis was not seen\n{text}")
    Assert.True(float dead >= 0.98 * float judged.Length, text)
    chosen.Length

[<Fact>]
let ``a hundred mistakes at collectives are seen`` () = Assert.Equal(100, run 100)

[<Fact; Trait("Category", "Full")>]
let ``fifteen hundred mistakes at collectives are seen`` () = Assert.Equal(1500, run 1500)
