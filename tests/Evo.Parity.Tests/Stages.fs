/// A model cut at its layers computes, stage by stage, what it computes in one piece, to the bit.
module Evo.Parity.Tests.Stages

open System
open System.Text.Json.Nodes
open Evo.Models
open Evo.Parallel
open Xunit

let private small (name: string) (json: string) =
    let family = nonNull (ModelFamilies.Find name)

    Small.make (family.FromHuggingFace.Invoke(nonNull (JsonNode.Parse json) :?> JsonObject))
    |> Small.with' SizeRole.Layers 3

/// Every way to deal out so many layers to two stages or more.
let rec private compositions layers =
    if layers = 0 then
        [ [] ]
    else
        [
            for first in 1..layers do
                for rest in compositions (layers - first) -> first :: rest
        ]

let private cuts layers =
    [
        for counts in compositions layers do
            if counts.Length > 1 then
                let ends = List.scan (+) 0 counts
                List.pairwise ends |> List.map StageRange
    ]

/// What is wrong with a cut, in one line each.
let private wrong (spec: CausalLM) ranks (batch: ParityBatch) recompute =
    use model = Pieces.build spec ranks None recompute null
    let loss, gradients = Pieces.whole model batch
    let gradients = Map.ofList gradients

    [
        for ranges in cuts spec.Size.LayerCount do
            let models =
                [ for range in ranges -> Pieces.build spec ranks (Some range) recompute null ]

            let found, stages = Pieces.inStages models batch

            if found <> loss then
                $"{ranges}: the loss is {found}, {loss} in one piece"

            let held = List.concat stages |> List.groupBy fst

            for name, copies in held do
                match List.map snd copies with
                | [ only ] when only <> gradients[name] -> $"{ranges}: the gradient of {name} has other bits"
                | [ _ ] -> ()
                | several ->
                    // A tied table: the two uses are added up here, and by autograd in one piece.
                    let sum = several |> List.reduce (Array.map2 (+))
                    let off = Array.map2 (fun a b -> abs (a - b)) sum gradients[name] |> Array.max

                    if
                        several.Length > 2
                        || off > 1e-12 * (gradients[name] |> Array.map abs |> Array.max)
                    then
                        $"{ranges}: the gradients of {name} in {several.Length} stages are off by {off:g3}"

            if Set.ofList (List.map fst held) <> Set.ofSeq gradients.Keys then
                $"{ranges}: the stages together do not hold what the model holds"

            for model in models do
                let registered = set [ for struct (name, _) in model.named_parameters () -> name ]
                let table = set [ for p in model.Table -> p.Info.Name ]

                if not (Set.isSubset registered table) then
                    $"{model.Stage}: registered under names that the table has not: {registered - table}"

                model.Dispose()
    ]

let private none what lines = Steps.none what lines

let names =
    let data = TheoryData<string>()

    for family in ModelFamilies.All do
        data.Add(family.Name: string)

    data

[<Theory; MemberData(nameof names)>]
let ``every cut of every family gives the loss and gradients of one piece, to the bit`` (name: string) =
    let spec = small name "{}"
    Assert.Null spec.Pipelines
    wrong spec RankContext.Single (Small.batch 3 2 8 spec) 0.0 |> none name

[<Theory>]
[<InlineData("LLAMA2"); InlineData("GEMMA"); InlineData("GPT2"); InlineData("QWEN2")>]
let ``a tied table lies at both ends, and its gradient is the sum of both`` (name: string) =
    let spec = small name """{ "tie_word_embeddings": true }"""
    wrong spec RankContext.Single (Small.batch 4 2 8 spec) 0.0 |> none name
    let first, last = StageRange(0, 1), StageRange(2, 3)
    let tied = spec.Parameters |> Seq.filter (fun p -> p.TiedNames.Count > 0)
    Assert.True(tied |> Seq.exists (fun p -> first.Holds(p, 3) && last.Holds(p, 3)))

[<Theory>]
[<InlineData("QWEN2", """{ "use_sliding_window": true, "sliding_window": 3, "max_window_layers": 2 }""")>]
[<InlineData("QWEN2MOE", """{ "decoder_sparse_step": 2 }""")>]
[<InlineData("GPT2", """{ "scale_attn_by_inverse_layer_idx": true }""")>]
let ``layers that differ by their number keep it`` (name: string) (json: string) =
    let spec = small name json
    wrong spec RankContext.Single (Small.batch 7 2 8 spec) 0.0 |> none name

[<Theory>]
[<InlineData("LLAMA2"); InlineData("QWEN2MOE")>]
let ``recomputed layers are cut alike`` (name: string) =
    let spec = small name "{}"
    wrong spec RankContext.Single (Small.batch 5 2 8 spec) 1.0 |> none name

[<Theory>]
[<InlineData("GPT2"); InlineData("MIXTRALMOE")>]
let ``every cut in every mode on two ranks, too`` (name: string) =
    let spec = small name """{ "tie_word_embeddings": true }"""
    let batch = Small.batch 6 2 8 spec

    for mode in Small.modes do
        let layout = ParityLayout(mode, 2, (if mode = ParallelMode.Isp then 2 else 1))

        for lines in
            LocalWorld.Results(
                2,
                (fun rank -> wrong spec (Steps.ranks spec layout rank id) batch 0.0),
                threads = Nullable 1
            ) do
            none $"{name} in {mode}" lines

[<Fact>]
let ``what a stage does not hold it does not do`` () =
    let spec = small "MIXTRALMOE" "{}"
    use middle = Pieces.build spec RankContext.Single (Some(StageRange(1, 2))) 0.0 null
    use at = Positions.Sequential(1, 4)
    let ids, _ = Pieces.tensors (Small.batch 1 1 4 spec)

    let refused (text: string) (f: unit -> obj) =
        Assert.Contains(text, Assert.ThrowsAny<Exception>(fun () -> f () |> ignore).Message)

    refused "Enter: this module has layer 1 of 3, and the first is not among them" (fun () ->
        middle.Enter(ids, at))

    refused "Exit: this module has layer 1 of 3, and the last is not among them" (fun () ->
        middle.Exit(ids, at))

    refused "Enter, RunLayers and Exit are its forward" (fun () -> middle.Hidden(ids, at))
    refused "statistics of 1 routers before it, and got none" (fun () -> nonNull (middle.Routers()))

    for range in [ StageRange(0, 0); StageRange(2, 4); StageRange(-1, 2) ] do
        refused "a stage has at least one of the layers 0 to 2" (fun () ->
            Pieces.build spec RankContext.Single (Some range) 0.0 null)
