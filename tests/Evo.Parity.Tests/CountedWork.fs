/// The operations that matrix products and attentions really did, against the formula of the record and the shapes of the plan.
namespace Evo.Parity.Tests

open System
open Evo.Core
open Evo.Models
open Evo.Parallel
open Evo.Torch
open Xunit

[<Collection("counters")>]
type CountedWork() =
    let rows, length = 2, 16

    /// What a mode does more often than one device, in operations of the whole step: three products each, forward and backward.
    let more (spec: CausalLM) (layout: ParityLayout) =
        let tokens = int64 (rows * length)
        let t = int64 layout.Tensor
        let thrice (p: ParameterInfo) times = 6L * tokens * p.Count * times

        let inLayers =
            spec.Parameters
            |> Seq.filter (fun p ->
                p.Layer.HasValue
                && (p.Kind = ParameterKind.Matrix || p.Kind = ParameterKind.Router))

        match layout.Mode with
        | ParallelMode.Mtp
        | ParallelMode.Msp
        | ParallelMode.Fsp ->
            let head = 2L * tokens * int64 spec.Size.VocabSize * int64 spec.Size.HiddenSize

            // Fewer key-value heads than ranks: each is computed by all ranks that share it. What is not cut is computed by
            // every rank of mtp, where tokens are not cut either.
            head
            + Seq.sum (
                seq {
                    for p in inLayers do
                        match Option.ofObj p.Cut with
                        | Some cut when not (cut.Applies layout.Tensor) -> thrice p (t / cut.Count - 1L)
                        | None when layout.Mode = ParallelMode.Mtp -> thrice p (t - 1L)
                        | _ -> 0L
                }
            )
        | _ -> 0L

    static member Names = Steps.families

    [<Theory; MemberData("Names")>]
    member _.``counted operations are the formula's, and what a mode does twice is known``(name: string) =
        let spec = Steps.small name
        let flops = spec.FlopsPerStep(int64 rows, int64 length)
        let layouts = Steps.layouts spec @ Steps.expertLayouts spec

        [
            for layout in layouts do
                let found =
                    Steps.step spec layout rows length (fun _ group -> group) (fun () ->
                        CountedOperations.Now)

                let forward, total =
                    found.Forward.Since found.Start, found.Backward.Since found.Start

                let products = 3L * int64 flops.Matrices + more spec layout
                let pairs = int64 flops.AttentionCausal

                // A capacity drops tokens, which is not in the formula.
                let agrees =
                    if spec :? InternLMMoe then
                        total.Products <= products && total.Products > 0L
                    else
                        total.Products = products

                if not agrees then
                    $"{layout}: {total.Products} operations of products, {products} by the formula"

                // The backward of attention makes the scores once more: 2 of its 10 operations a pair.
                if
                    forward.Attention <> pairs
                    || total.Attention - forward.Attention <> 5L * pairs / 2L
                then
                    $"{layout}: {forward.Attention} and {total.Attention - forward.Attention} operations of attention, {pairs} forward by the formula"
        ]
        |> Steps.none name

        Console.WriteLine $"{name}: operations of {layouts.Length} layouts counted"

    /// Each product has its own sizes in the plan: what a machine measures before a run is what the run multiplies.
    [<Theory; MemberData("Names")>]
    member _.``the products of the plan are those that are multiplied``(name: string) =
        let spec = Steps.small name

        let isDense =
            spec.Parameters |> Seq.forall (fun p -> p.Kind <> ParameterKind.Expert)

        [
            for layout in (if isDense then Steps.layouts spec else []) do
                let found =
                    Steps.step spec layout rows length (fun _ group -> group) (fun () ->
                        CountedOperations.Now)

                let point =
                    SizePoint(int64 rows, int64 length, int64 layout.Tensor, int64 layout.Weight)

                let shapes = ProductShapes.Of(spec.Plan(layout.DegreesOf spec), point)
                let operations = Seq.sumBy (fun (shape: ProductShape) -> shape.Operations)
                let layers, head = List.ofSeq shapes |> List.splitAt (shapes.Count - 3)

                // Where the vocabulary is spread ranks have parts that differ by a row, and the head's forward is computed once more
                // in the backward.
                let ofHead =
                    match layout.Mode with
                    | ParallelMode.Serial
                    | ParallelMode.Isp -> int64 layout.World * operations head
                    | _ ->
                        4L
                        * 2L
                        * int64 (rows * length)
                        * int64 spec.Size.VocabSize
                        * int64 spec.Size.HiddenSize

                let counted = (found.Backward.Since found.Start).Products
                let planned = int64 layout.World * operations layers + ofHead

                if counted <> planned then
                    $"{layout}: {counted} operations, {planned} by the plan's shapes"
        ]
        |> Steps.none name
