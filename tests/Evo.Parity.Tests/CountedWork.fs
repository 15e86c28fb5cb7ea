/// The operations that matrix products and attentions really did, against the formula of the record.
namespace Evo.Parity.Tests

open System
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
