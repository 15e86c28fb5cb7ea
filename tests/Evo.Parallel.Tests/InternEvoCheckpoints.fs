/// InternEvo's checkpoints as models: whatever ranks saved them, the numbers are those of the model, bit for bit.
module Evo.Parallel.Tests.InternEvoCheckpoints

open System
open System.IO
open Evo.Data
open Evo.Data.Tests.PickleWriter
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.InternEvoModels
open Evo.Parallel.Tests.InternEvoParts
open FsCheck
open FsCheck.FSharp
open TorchSharp
open Xunit

let private cases =
    let full = Environment.GetEnvironmentVariable "EVO_TEST_FULL" = "1"
    FsCheck.Config.QuickThrowOnFailure.WithMaxTest(if full then 400 else 25)

let names =
    let rows = TheoryData<string>()

    for name, _ in families do
        rows.Add name

    rows

let private flag value = if value then yes else no

[<Theory; MemberData(nameof names)>]
let ``a checkpoint holds the model's numbers bit for bit, whatever ranks, names and orders it was saved with``
    (family: string)
    =
    let law (layout: Layout, layers: int) (seed: int) =
        use folder = new TemporaryFolder()
        let spec = spec family layers
        let numbers = numbers seed spec
        InternEvoFolders.write folder.Path spec layout numbers.TryFind

        InternEvoFolders.writeSettings
            folder.Path
            (seed % 2 = 0)
            [
                "qk_interleaved", flag layout.Pairs
                "enable_qkv_fusion", flag (layout.Attention <> Separate)
            ]

        use checkpoint = InternEvoCheckpoint.Open(folder.Path, spec)
        Assert.Equal<string>(numbers.Keys, checkpoint.Names)
        different checkpoint numbers |> List.isEmpty

    Check.One(
        cases,
        Prop.forAll (Arb.fromGen (Gen.zip (layouts family) (Gen.choose (0, 1000)))) (fun (layout, seed) ->
            law layout seed)
    )

/// A folder of LLAMA2 on two ranks whose rows lie in pairs or not, with these settings beside it, and its numbers.
let private llama (folder: TemporaryFolder) pairs settings =
    let spec = spec "LLAMA2" 2
    let numbers = numbers 3 spec
    InternEvoFolders.write folder.Path spec { plain with Tensor = 2; Pairs = pairs } numbers.TryFind

    match settings with
    | Some settings -> InternEvoFolders.writeSettings folder.Path true settings
    | None -> ()

    spec, numbers

/// What lies beside the weights, what a person says, and whether rows lie in pairs then.
let private said: ((string * byte[]) list option * bool option * bool) list =
    [
        Some [ "qk_interleaved", yes ], None, true
        Some [ "qk_interleaved", no ], None, false
        Some [ "adapt_hf", no ], None, true
        Some [ "adapt_hf", yes ], None, false
        Some [ "adapt_hf", none; "qk_interleaved", yes ], None, true
        // Newer versions always write one of the two; older ones had LLAMA2 in pairs.
        Some [], None, true
        Some [ "qk_interleaved", no ], Some true, true
        None, Some false, false
        None, Some true, true
    ]

[<Fact>]
let ``whether rows lie in pairs is what a person says, else what the settings say, else what versions without it did``
    ()
    =
    for settings, given, pairs in said do
        use folder = new TemporaryFolder()
        let spec, numbers = llama folder pairs settings

        use checkpoint =
            InternEvoCheckpoint.Open(folder.Path, spec, Option.toNullable given)

        Assert.Empty(different checkpoint numbers)

    use folder = new TemporaryFolder()
    let spec, _ = llama folder false None

    let error =
        Assert.Throws<DataException>(fun () -> InternEvoCheckpoint.Open(folder.Path, spec).Dispose())

    Assert.Contains("ckpt.load_ckpt_info.qk_interleaved", error.Message)

[<Fact>]
let ``the head of a tied model is its table's copy, or refused`` () =
    use folder = new TemporaryFolder()
    let spec = TinyRuns.specWith "LLAMA2" """, "tie_word_embeddings": true"""
    let untied = TinyRuns.specWith "LLAMA2" ""
    let own = numbers 5 untied

    let write (numbers: Map<string, Rows>) =
        InternEvoFolders.write folder.Path untied plain numbers.TryFind

    InternEvoFolders.writeSettings folder.Path false []
    write own

    let error =
        Assert.Throws<DataException>(fun () ->
            InternEvoCheckpoint.Open(folder.Path, spec, Nullable false).Dispose())

    Assert.Contains("lm_head.weight: differs from model.embed_tokens.weight", error.Message)
    write (own.Add("lm_head.weight", own["model.embed_tokens.weight"]))
    use checkpoint = InternEvoCheckpoint.Open(folder.Path, spec, Nullable false)
    Assert.Empty(different checkpoint (own.Remove "lm_head.weight"))

[<Fact>]
let ``a conversion writes the model that was saved, in many files, cast and not`` () =
    use folder = new TemporaryFolder()
    let spec = spec "INTERNLM2" 3
    let own = numbers 9 spec

    InternEvoFolders.write
        (folder.File "50")
        spec
        { plain with
            Naming = Weight
            Weight = 2
            Stages = 2
            Attention = Fused
        }
        own.TryFind

    File.WriteAllText(folder.File "50/optimizer_wp0_pp0_zo0.pt", "")

    let convert name (dtype: Nullable<torch.ScalarType>) =
        Conversion.FromInternEvo(
            ConversionOptions(
                Source = folder.File "50",
                Output = folder.File name,
                ShardBytes = 5000L,
                Dtype = dtype
            ),
            spec
        )

    let report = convert "hf" (Nullable())
    Assert.True(report.Shards > 1)
    Assert.Equal<string>([ "optimizer_wp0_pp0_zo0.pt" ], report.LeftOut)
    Assert.Empty report.Dropped
    use files = WeightsFolder.Open report.Output
    Assert.Empty(different files own)
    let read = HuggingFaceFolder.ReadConfig(report.Output).ToHuggingFace()
    read.Remove "torch_dtype" |> ignore
    Assert.Equal(spec.ToHuggingFace().ToJsonString(), read.ToJsonString())
    Assert.Equal("bfloat16", (convert "half" (Nullable torch.ScalarType.BFloat16)).Dtype)
