/// Runs that begin from a checkpoint of InternEvo's: they are the runs that begin from the same model's Hugging Face folder.
module Evo.Parallel.Tests.InternEvoStarts

open System.IO
open System.Threading
open Evo.Core
open Evo.Data
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.InternEvoModels
open Evo.Parallel.Tests.InternEvoParts
open Evo.Parallel.Tests.TinyRuns
open Xunit

/// The losses of a run of two steps, the untrained model's first.
let private losses ranks (config: RunConfig) =
    [
        for event in eventsOn ranks config do
            match event with
            | :? TrainEvent.Validated as it -> it.Loss
            | :? TrainEvent.StepDone as it -> it.Report.Loss
            | _ -> ()
    ]

/// How many ranks, and how the model lies on them.
let private runs =
    [
        1, []
        2, [ "parallel.tensor.size=2" ]
        4,
        [
            "parallel.tensor.size=2"
            "parallel.tensor.mode=isp"
            "parallel.weight.size=4"
        ]
        4,
        [
            "parallel.pipeline.size=2"
            "parallel.tensor.size=2"
            "parallel.tensor.mode=fsp"
        ]
        2, [ "parallel.fsdp.enable=true" ]
    ]

[<Theory>]
[<InlineData "LLAMA2">]
[<InlineData "INTERNLM2">]
[<InlineData "MIXTRALMOE">]
let ``a run from a checkpoint has the losses of one from the Hugging Face folder, at any layout of either``
    (family: string)
    =
    use folder = new TemporaryFolder()
    writeData folder.Path
    let size = [ "model.vocab_size=64" ]
    let keys = (config folder.Path family size).Model.FamilyKeys
    let spec = (nonNull (Evo.Models.ModelFamilies.Find family)).FromKeys.Invoke keys
    let own = numbers 2 spec

    let saved =
        { plain with
            Naming = TensorWeight
            Tensor = 2
            Weight = 4
            Stages = 3
            Pairs = true
            Attention = (if family = "INTERNLM2" then Fused else Separate)
            WholeExperts = true
        }

    InternEvoFolders.write (folder.File "internevo") spec saved own.TryFind

    Conversion.FromInternEvo(
        ConversionOptions(Source = folder.File "internevo", Output = folder.File "hf"),
        spec,
        System.Nullable true
    )
    |> ignore

    for index, (ranks, layout) in List.indexed runs do
        if
            family <> "MIXTRALMOE"
            || not (layout |> List.exists (fun key -> key.Contains "mode" || key.Contains "fsdp"))
        then
            let start kind more =
                config
                    folder.Path
                    family
                    (size
                     @ layout
                     @ more
                     @ [
                         $"run_folder={folder.Path}/{kind}-{index}"
                         $"ckpt.load_ckpt_info.path={folder.Path}/{kind}"
                         $"ckpt.load_ckpt_info.ckpt_type={kind}"
                         "ckpt.load_ckpt_info.content=[\"model\"]"
                         "ckpt.enable_save_ckpt=false"
                         "ckpt.checkpoint_every=0"
                         "data.rows_per_step=4"
                         "data.total_steps=2"
                     ])
                |> losses ranks

            let fromHuggingFace = start "hf" []
            Assert.True(fromHuggingFace.Length >= 3)

            Assert.Equal<float list>(
                fromHuggingFace,
                start "internevo" [ "ckpt.load_ckpt_info.qk_interleaved=true" ]
            )

[<Fact>]
let ``a checkpoint of another model is refused before anything is trained`` () =
    use folder = new TemporaryFolder()
    writeData folder.Path
    let spec = InternEvoModels.spec "LLAMA2" 2
    InternEvoFolders.write (folder.File "internevo") spec plain (numbers 2 spec).TryFind

    let error =
        Assert.Throws<DataException>(fun () ->
            run (
                config
                    folder.Path
                    "LLAMA2"
                    [
                        $"ckpt.load_ckpt_info.path={folder.Path}/internevo"
                        "ckpt.load_ckpt_info.ckpt_type=internevo"
                        "ckpt.load_ckpt_info.qk_interleaved=false"
                        "ckpt.load_ckpt_info.content=[\"model\"]"
                    ]
            )
            |> ignore)

    Assert.Contains("1 stage holds 2 layers (2), and the model has 3", error.Message)
