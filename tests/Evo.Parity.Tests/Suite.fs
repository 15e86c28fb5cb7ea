/// What holds for every model record, with no code written for it: the suite that families and made-up records pass.
module Evo.Parity.Tests.Suite

open System.Text.Json.Nodes
open Evo.Models
open Evo.Parallel

/// What was found wrong, in one line each; empty where all holds.
type Wrong = string list

let private attempt (name: string) (f: unit -> Wrong) : Wrong =
    try
        f () |> List.map (fun line -> $"{name}: {line}")
    with e ->
        [ $"{name}: {e.Message}" ]

/// A layout gives the loss, logits and gradients of one device, and replicas have equal bits.
let parity (spec: CausalLM) (batch: ParityBatch) (serial: ParityFigures) (layout: ParityLayout) =
    attempt (string layout) (fun () ->
        let found = Parity.Step(spec, layout, batch)
        let struct (error, quantity) = found.Compare serial

        [
            if not (error <= Parity.Tolerance) then
                $"{quantity} is off by {error:g3}"
            for quantity in found.Unequal do
                $"{quantity} differs between replicas"
        ])

/// Another last token changes no logit before it, not by a bit. (An expert's product has another shape when a token goes
/// elsewhere, and products of another shape round otherwise: with experts the bound is that of rounding.)
let causality (spec: CausalLM) (batch: ParityBatch) (layout: ParityLayout) =
    attempt $"{layout}, causality" (fun () ->
        let ids = Array2D.copy batch.Ids
        let last = batch.Length - 1

        for row in 0 .. batch.Rows - 1 do
            ids[row, last] <- (ids[row, last] + 1L) % int64 spec.Size.VocabSize

        let a = Parity.Step(spec, layout, batch)
        let b = Parity.Step(spec, layout, ParityBatch(ids, batch.Labels, batch.Borders))
        let vocabulary = spec.Size.VocabSize

        let bound =
            if spec.Parameters |> Seq.exists (fun p -> p.Kind = ParameterKind.Expert) then
                1e-12
            else
                0.0

        let changed =
            [
                for i in 0 .. a.Logits.Length - 1 do
                    if not (abs (a.Logits[i] - b.Logits[i]) <= bound) then
                        i / vocabulary % batch.Length
            ]

        [
            match changed |> List.tryFind (fun t -> t < last) with
            | Some t -> $"token {last} changed the logits of token {t}"
            | None -> ()
            if changed.IsEmpty then
                "the changed token changed nothing"
        ])

/// Sequences packed into one row give what each gives by itself.
let packing (spec: CausalLM) =
    attempt "packed = separate" (fun () ->
        let vocabulary = spec.Size.VocabSize
        let whole = ParityBatch.Random(11, vocabulary, 1, 16, [| 0; 5; 16 |])
        let packed = Parity.Step(spec, ParityLayout.Serial, whole)

        let alone =
            [
                for first, length in [ 0, 5; 5, 11 ] do
                    let part (m: int64[,]) =
                        Array2D.init 1 length (fun _ t -> m[0, first + t])

                    let batch = ParityBatch(part whole.Ids, part whole.Labels, FirstToken = int64 first)
                    float batch.Targets, Parity.Step(spec, ParityLayout.Serial, batch)
            ]

        let targets = float whole.Targets
        let loss = alone |> List.sumBy (fun (count, f) -> f.Loss * count / targets)
        let logits = alone |> List.toArray |> Array.collect (fun (_, f) -> f.Logits)

        let far =
            Array.zip packed.Logits logits
            |> Array.map (fun (a, b) -> abs (a - b))
            |> Array.max

        [
            if not (abs (packed.Loss - loss) < 1e-12) then
                $"loss {packed.Loss} and {loss}"
            if not (far < 1e-10) then
                $"logits are off by {far:g3}"
        ])

/// config.json there and back is the same record, and every tensor has a name of its own.
let roundTrip (spec: CausalLM) =
    attempt "config.json there and back" (fun () ->
        let json = spec.ToHuggingFace()

        let back =
            spec.Family.FromHuggingFace.Invoke(nonNull (JsonNode.Parse(json.ToJsonString())) :?> JsonObject)

        let names =
            [
                for p in spec.Parameters do
                    if isNull (box p.Pieces) || p.Pieces.Count = 0 then
                        p.HuggingFaceName
                    else
                        yield! p.Pieces
            ]

        [
            if not (back.ToHuggingFace().ToJsonString() = json.ToJsonString()) then
                "the second config.json is another"
            if not (back.Equals spec) then
                "the record read back is another"
            if (List.distinct names).Length <> names.Length then
                "two tensors have one name"
        ])
