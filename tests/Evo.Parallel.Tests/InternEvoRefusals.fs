/// Checkpoints of InternEvo's that are not whole, or of another model: one error says all that is wrong.
module Evo.Parallel.Tests.InternEvoRefusals

open System
open System.IO
open Evo.Data
open Evo.Data.Tests.PickleWriter
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.InternEvoModels
open Evo.Parallel.Tests.InternEvoParts
open Xunit

/// A checkpoint of a family on a layout with some damage, and the parts of what is said of it.
let private refused family layers layout (damage: string -> unit) (parts: string list) =
    use folder = new TemporaryFolder()
    let own = numbers 1 (spec family layers)
    InternEvoFolders.write folder.Path (spec family layers) layout own.TryFind
    damage folder.Path

    let error =
        Assert.Throws<DataException>(fun () ->
            InternEvoCheckpoint.Open(folder.Path, spec family 4, Nullable false).Dispose())

    for part in parts do
        Assert.Contains(part, error.Message)

let private spread = { plain with Tensor = 2; Stages = 2 }

let private remove names folder =
    for name in names do
        File.Delete(Path.Combine(folder, name))

[<Fact>]
let ``files of ranks that are missing are all named`` () =
    refused
        "LLAMA2"
        4
        spread
        (remove [ "model_tp1_pp0.pt"; "model_tp0_pp1.pt" ])
        [
            "2 things do not fit"
            "model_tp1_pp0.pt: missing"
            "model_tp0_pp1.pt: missing"
        ]

    refused
        "QWEN2"
        4
        { spread with
            Naming = TensorWeight
            Weight = 4
        }
        (remove [ "model_tp0_wp2_pp1.pt" ])
        [ "model_tp0_wp2_pp1.pt: missing" ]

    refused
        "QWEN2"
        4
        { spread with
            Naming = Weight
            Tensor = 1
            Weight = 4
        }
        (remove [ "model_wp1_pp0.pt" ])
        [ "model_wp1_pp0.pt: missing" ]

    refused
        "MIXTRALMOE"
        4
        spread
        (remove [ "model_moe_layer2_expert1_tp0.pt"; "model_moe_layer3_expert0_tp1.pt" ])
        [
            "model_moe_layer2_expert1_tp0.pt: missing"
            "model_moe_layer3_expert0_tp1.pt: missing"
        ]

[<Fact>]
let ``a name with a number that no run has makes no long list`` () =
    let stray folder =
        File.WriteAllText(Path.Combine(folder, "model_tp9999999_pp9999999.pt"), "")

    refused "LLAMA2" 4 spread stray [ "101 things do not fit"; "model_tp2_pp0.pt: missing"; "  and more" ]

[<Fact>]
let ``a folder without such files says what it looked for, and which steps it has`` () =
    use folder = new TemporaryFolder()
    Directory.CreateDirectory(folder.File "50") |> ignore
    Directory.CreateDirectory(folder.File "100") |> ignore

    let ask path =
        Assert
            .Throws<DataException>(fun () -> InternEvoCheckpoint.Open(path, spec "LLAMA2" 4).Dispose())
            .Message

    Assert.Contains("it holds no model_tp0_pp0.pt", ask folder.Path)
    Assert.Contains(folder.File "100", ask folder.Path)
    Assert.Contains("there is no such folder", ask (folder.File "nowhere"))

[<Fact>]
let ``a file that was cut short, and one that asks for more than tensors, are named`` () =
    let cut folder =
        let path = Path.Combine(folder, "model_tp1_pp1.pt")
        let bytes = File.ReadAllBytes path
        File.WriteAllBytes(path, bytes[.. bytes.Length / 2])

    refused "LLAMA2" 4 spread cut [ "model_tp1_pp1.pt: it has no directory at its end" ]

    let hostile folder =
        File.WriteAllBytes(
            Path.Combine(folder, "model_tp0_pp1.pt"),
            torchFile (Array.concat [ proto 2; reduce (global' "os" "system") [ unicode "ls" ]; stop ]) []
        )

    refused "LLAMA2" 4 spread hostile [ "model_tp0_pp1.pt, data.pkl, byte 2: it names os.system; " ]

    refused
        "LLAMA2"
        4
        spread
        (fun folder ->
            cut folder
            hostile folder)
        [ "2 things do not fit"; "os.system"; "model_tp1_pp1.pt" ]

    let sharded folder =
        File.WriteAllBytes(
            Path.Combine(folder, "model_tp0_pp0_dp0.pt"),
            torchFile
                (Array.concat
                    [
                        proto 2
                        global' "torch.distributed._shard.sharded_tensor.api" "ShardedTensor"
                        stop
                    ])
                []
        )

    refused
        "LLAMA2"
        4
        { spread with Naming = TensorData }
        sharded
        [
            "model_tp0_pp0_dp0.pt"
            "ShardedTensor"
            "of FSDP's files only those can be read that hold whole tensors"
            "ckpt_type \"hf\""
        ]

[<Fact>]
let ``other settings than a dictionary of plain values are refused by name`` () =
    let hostile folder =
        File.WriteAllBytes(
            Path.Combine(folder, "model_config.pt"),
            torchFile
                (Array.concat [ proto 2; emptyDict; setItems [ unicode "a", global' "os" "system" ]; stop ])
                []
        )

    refused "LLAMA2" 4 spread hostile [ "model_config.pt, data.pkl"; "it names os.system" ]

    refused
        "LLAMA2"
        4
        spread
        (fun folder -> InternEvoFolders.writeSettings folder false [ "enable_qkv_fusion", unicode "yes" ])
        [ "model_config.pt: enable_qkv_fusion is a text; it must be True or False" ]

/// Writes a stage's file anew with other tensors: name, sizes.
let private rewrite name (tensors: (string * int64 list) list) folder =
    let views =
        [
            for key, sizes in tensors ->
                key, tensor (storage "Float" "0" 4096L) 0L sizes (List.scanBack (*) sizes.Tail 1L)
        ]

    File.WriteAllBytes(
        Path.Combine(folder, name),
        torchFile (stateDict views) [ "0", Array.zeroCreate (4 * 4096) ]
    )

[<Fact>]
let ``layers that are missing in a stage, or in the whole, are told before their tensors`` () =
    rewrite
        "model_tp0_pp1.pt"
        [
            "model.layers.0.attention_norm.weight", [ 16L ]
            "model.layers.2.attention_norm.weight", [ 16L ]
        ]
    |> fun damage ->
        refused
            "LLAMA2"
            4
            spread
            (fun folder ->
                damage folder
                remove [ "model_tp1_pp1.pt" ] folder
                File.Copy(Path.Combine(folder, "model_tp0_pp1.pt"), Path.Combine(folder, "model_tp1_pp1.pt")))
            [ "stage 1: it holds layer 2, and not 1" ]

    refused "LLAMA2" 3 spread ignore [ "2 stages hold 3 layers (1 + 2), and the model has 4" ]

[<Fact>]
let ``shapes that do not make the model's, tensors that are missing and tensors that nothing needs are told together``
    ()
    =
    let other folder =
        for rank in 0..1 do
            rewrite
                $"model_tp{rank}_pp0.pt"
                [
                    for layer in 0..1 do
                        $"model.layers.{layer}.attention_norm.weight", [ 16L ]
                        $"model.layers.{layer}.ffn_norm.weight", [ 16L ]
                        $"model.layers.{layer}.attention.wq.weight", [ 8L; 16L ]
                        $"model.layers.{layer}.attention.wk.weight", [ 4L; 16L ]
                        $"model.layers.{layer}.attention.wv.weight", [ (if rank = 0 then 4L else 3L); 16L ]
                        $"model.layers.{layer}.attention.wo.weight", [ 16L; 8L ]
                        $"model.layers.{layer}.feed_forward.w1.weight", [ 24L; 16L ]
                        $"model.layers.{layer}.feed_forward.w3.weight", [ 12L; 16L ]
                        $"model.layers.{layer}.feed_forward.w2.weight", [ 8L; 24L ]
                        $"model.layers.{layer}.attention.wq.bias", [ 8L ]
                ]
                folder

    refused
        "LLAMA2"
        4
        spread
        other
        [
            "model.embed_tokens.weight: no tok_embeddings.weight"
            "model.layers.0.self_attn.q_proj.weight: layers.0.attention.wv.weight: is F32 [4, 16], F32 [3, 16], must be [8, 16] split along dim 0 over 2 ranks of the tensor axis"
            "model.layers.1.mlp.gate_proj.weight: layers.1.feed_forward.w1.weight: is F32 [24, 16] on 2 ranks, must be [24, 16] split along dim 0"
            "model.layers.1.mlp.down_proj.weight: layers.1.feed_forward.w2.weight: is F32 [8, 24] on 2 ranks, must be [16, 24] split along dim 1"
            "layers.0.attention.wq.bias: unexpected, the model has no such tensor; "
        ]

[<Fact>]
let ``a family that InternEvo does not train is refused by name`` () =
    use folder = new TemporaryFolder()
    let own = numbers 1 (spec "LLAMA2" 4)
    InternEvoFolders.write folder.Path (spec "LLAMA2" 4) plain own.TryFind

    let error =
        Assert.Throws<DataException>(fun () ->
            InternEvoCheckpoint.Open(folder.Path, TinyRuns.spec "GPT2").Dispose())

    Assert.Contains(
        "the configuration's model is of the family GPT2; InternEvo trains INTERNLM, ",
        error.Message
    )
