/// What ranks really send at every place, forward and backward, against the plan that was emitted for it.
namespace Evo.Parity.Tests

open System
open System.Collections.Concurrent
open System.Collections.Generic
open Evo.Models
open Evo.Parallel
open Evo.Torch
open TorchSharp
open Xunit

module private Traffic =
    /// The group's operation behind a collective of the algebra; none for those that send nothing.
    let operation =
        function
        | "reduce"
        | "reduce_replicated" -> Some GroupOperation.AllReduce
        | "gather"
        | "gather_invariant" -> Some GroupOperation.AllGather
        | "reduce_scatter" -> Some GroupOperation.ReduceScatter
        | "exchange" -> Some GroupOperation.AllToAll
        | _ -> None

    /// Bytes that all ranks together hand to the group, of a tensor of so many bytes in each of its groups.
    let handed (layout: ParityLayout) ranks bytes operation =
        let groups = int64 (layout.World / ranks)

        match operation with
        | GroupOperation.AllReduce
        | GroupOperation.ReduceScatter -> groups * int64 ranks * bytes
        | _ -> groups * bytes

    let planned (spec: CausalLM) (layout: ParityLayout) (rows: int) (length: int) =
        let degrees = layout.DegreesOf spec

        [
            for cost in
                SiteCost.Of(spec.Plan degrees, degrees, int64 rows, int64 length, torch.ScalarType.Float32) do
                for backward, names in [ false, cost.Forward; true, cost.Backward ] do
                    for operation in Seq.choose operation names do
                        if cost.Ranks > 1 then
                            (cost.Site.Number, backward, operation),
                            handed layout cost.Ranks cost.TensorBytes operation
        ]
        |> List.groupBy fst
        |> List.map (fun (key, all) -> key, List.sumBy snd all)
        |> Map.ofList

    let measured (spec: CausalLM) (layout: ParityLayout) rows length =
        let lists = ConcurrentDictionary<int, List<GroupCall>>()

        let around rank (group: ProcessGroup) =
            if group.Size = 1 then
                group
            else
                SiteRecorder(group, lists.GetOrAdd(rank, (fun _ -> List()))) :> ProcessGroup

        let clear () =
            for list in lists.Values do
                list.Clear()

        let readings = ref 0

        // What came before the step is forgotten; what the backward sends is there once it has ended.
        Steps.step spec layout rows length around (fun () ->
            readings.Value <- readings.Value + 1

            if readings.Value = 1 then
                clear ())
        |> ignore

        [
            for calls in lists.Values do
                for call in calls do
                    let operation =
                        match call.Operation with
                        | GroupOperation.AllToAllRows -> GroupOperation.AllToAll
                        | other -> other

                    (call.Site.Number, call.Site.Backward, operation), call.Bytes
        ]
        |> List.groupBy fst
        |> List.map (fun (key, all) -> key, List.sumBy snd all)
        |> Map.ofList

type CountedTraffic() =
    static member Names = Steps.families

    [<Theory; MemberData("Names")>]
    member _.``every place sends what the plan says, forward and backward, and no other does``(name: string) =
        let spec = Steps.small name
        let rows, length = 2, 16

        // Experts over the data axis besides, and what a capacity gathers there.
        let layouts =
            Steps.layouts spec
            @ Steps.expertLayouts spec
            @ [
                if not (Steps.expertLayouts spec).IsEmpty then
                    ParityLayout(ParallelMode.Mtp, 2, Data = 2, Expert = 2)
                    ParityLayout(ParallelMode.Msp, 2, Data = 2, Expert = 4)
            ]

        // A capacity drops tokens, which do not travel then: the plan says the most that can be.
        let agrees found planned =
            found = planned || (spec :? InternLMMoe && 0L < found && found < planned)

        let mutable places = 0

        [
            for layout in layouts do
                let planned, measured =
                    Traffic.planned spec layout rows length, Traffic.measured spec layout rows length

                let keys = Set.union (Set.ofSeq planned.Keys) (Set.ofSeq measured.Keys)
                places <- places + keys.Count

                for number, backward, operation as key in keys do
                    let find (map: Map<_, int64>) =
                        map.TryFind key |> Option.defaultValue 0L

                    if not (agrees (find measured) (find planned)) then
                        $"{layout}: {Site(number, backward)}, {operation}: {find measured} bytes, {find planned} planned"
        ]
        |> Steps.none name

        Assert.True(places > 0)
        Console.WriteLine $"{name}: {places} places in {layouts.Length} layouts"
