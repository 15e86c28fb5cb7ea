/// Conversions that are refused: what does not fit, or is in the way, is told whole, and nothing is written.
module Evo.Parallel.Tests.ConversionRefusals

open System
open System.IO
open System.Threading
open Evo.Data
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.ModelFolders
open TorchSharp
open Xunit

[<Fact>]
let ``missing, unexpected, misshapen and unfit tensors are all listed in one error, and nothing is written``
    ()
    =
    use folder = new TemporaryFolder()

    let wrong =
        altered folder "llama2" (fun t ->
            t
                .Remove("model.norm.weight")
                .Add(
                    "model.layers.0.mlp.up_proj.weight",
                    (SafeTensorType.F32, [ 3L; 4L ], Array.zeroCreate 48)
                )
                .Add(
                    "model.layers.1.input_layernorm.weight",
                    (SafeTensorType.I64, [ 64L ], Array.zeroCreate 512)
                )
                .Add("model.layers.9.extra", (SafeTensorType.F32, [ 2L ], Array.zeroCreate 8)))

    let error =
        Assert.Throws<DataException>(fun () -> fromHf (options wrong (folder.File "out")) |> ignore)

    for line in
        [
            "4 tensors do not fit"
            "model.norm.weight: missing, must be [64]"
            "model.layers.0.mlp.up_proj.weight: is [3, 4], must be [96, 64]"
            "model.layers.1.input_layernorm.weight: is I64, must be F64, F32, F16 or BF16"
            "model.layers.9.extra: unexpected, the model has no such tensor; it is F32 [2]"
        ] do
        Assert.Contains(line, error.Message)

    Assert.False(Directory.Exists(folder.File "out"))
    Assert.Empty(Directory.GetDirectories(folder.Path, ".*"))

[<Fact>]
let ``a repeated tied tensor is taken where it is equal, and refused by name where it is not`` () =
    use folder = new TemporaryFolder()
    let table = "transformer.wte.weight"
    let equal = altered folder "gpt2" (fun t -> t.Add("lm_head.weight", t[table]))
    let report = fromHf (options equal (folder.File "equal"))
    Assert.Equal<string>([ "lm_head.weight" ], report.Dropped)
    Assert.Equal<Map<string, string * byte array>>(tensors (source "gpt2"), tensors report.Output)

    let only =
        altered folder "gpt2" (fun t -> (t.Add("lm_head.weight", t[table])).Remove table)

    Assert.Equal<Map<string, string * byte array>>(
        tensors (source "gpt2"),
        tensors (fromHf (options only (folder.File "only"))).Output
    )

    let other =
        altered folder "gpt2" (fun t ->
            let kind, shape, bytes = t[table]

            t.Add(
                "lm_head.weight",
                (kind, shape, Array.mapi (fun i b -> if i = bytes.Length - 1 then b ^^^ 1uy else b) bytes)
            ))

    let error =
        Assert.Throws<DataException>(fun () -> fromHf (options other (folder.File "other")) |> ignore)

    Assert.Contains("lm_head.weight: differs from transformer.wte.weight", error.Message)

[<Fact>]
let ``a number that float16 cannot hold is refused with its tensor's name, and nothing is written`` () =
    use folder = new TemporaryFolder()

    let large =
        altered folder "llama2" (fun t ->
            let kind, shape, bytes = t["model.norm.weight"]
            Array.blit (BitConverter.GetBytes 70000.0f) 0 bytes 8 4
            t.Add("model.norm.weight", (kind, shape, bytes)))

    let error =
        Assert.Throws<DataException>(fun () ->
            fromHf (
                ConversionOptions(
                    Source = large,
                    Output = folder.File "out",
                    Dtype = Nullable torch.ScalarType.Float16
                )
            )
            |> ignore)

    Assert.Contains("model.norm.weight: 1 numbers are too large for F16", error.Message)
    Assert.Empty(Directory.GetDirectories(folder.Path, ".*"))
    Assert.False(Directory.Exists(folder.File "out"))

let private refuses (reason: string) options =
    let error = Assert.Throws<DataException>(fun () -> fromHf options |> ignore)
    Assert.Contains(reason, error.Message)

[<Fact>]
let ``what stands there is kept, unless it is a model folder and replacing was asked for`` () =
    use folder = new TemporaryFolder()
    let out = folder.File "out"
    let forced = ConversionOptions(Source = source "gpt2", Output = out, Force = true)
    Directory.CreateDirectory out |> ignore
    // An empty folder is not in the way.
    fromHf (small (source "llama2") out) |> ignore
    refuses "it is there already and holds config.json and" (options (source "gpt2") out)
    Assert.Contains("llama", File.ReadAllText(Path.Combine(out, "config.json")))
    fromHf forced |> ignore
    Assert.Equal<Map<string, string * byte array>>(tensors (source "gpt2"), tensors out)
    Assert.Equal(2, (Directory.GetFiles out).Length)
    File.WriteAllText(Path.Combine(out, "thesis.txt"), "years of work")
    refuses "it holds thesis.txt, which is no part of a model folder" forced
    File.Delete(Path.Combine(out, "thesis.txt"))
    Directory.CreateDirectory(Path.Combine(out, "checkpoints")) |> ignore
    refuses "it holds checkpoints" forced
    File.WriteAllText(folder.File "file", "")
    refuses "it is a file" (options (source "gpt2") (folder.File "file"))

[<Fact>]
let ``a conversion does not write where it reads`` () =
    use folder = new TemporaryFolder()
    let here = altered folder "llama2" id
    let link = folder.File "link"
    Directory.CreateSymbolicLink(link, here) |> ignore

    for out in [ here; here + "/"; Path.Combine(here, "inside"); folder.Path; link ] do
        refuses
            "a conversion must not write where it reads"
            (ConversionOptions(Source = here, Output = out, Force = true))

    refuses
        "a conversion must not write where it reads"
        (ConversionOptions(Source = link, Output = here, Force = true))

    Assert.True(File.Exists(Path.Combine(here, "model.safetensors")))

[<Fact>]
let ``stopped in the middle it leaves nothing, and leftovers of a killed one are cleared away`` () =
    use folder = new TemporaryFolder()
    let out = folder.File "out"
    use stop = new CancellationTokenSource()

    let afterTwo =
        { new IProgress<ConversionProgress> with
            member _.Report state =
                if state.Shard = 2 then
                    stop.Cancel()
        }

    Assert.ThrowsAny<OperationCanceledException>(fun () ->
        Conversion.FromHuggingFace(small (source "llama2") out, afterTwo, stop.Token)
        |> ignore)
    |> ignore

    Assert.Empty(Directory.GetFileSystemEntries folder.Path)
    // Killed while replacing: the old folder is given back before anything else is looked at.
    Directory.CreateDirectory(folder.File ".staging-out/half") |> ignore
    fromHf (options (source "llama2") (folder.File "old")) |> ignore
    Directory.Move(folder.File "old", folder.File ".replaced-out")
    Directory.CreateDirectory(folder.File ".staging-other") |> ignore
    refuses "it is there already" (options (source "gpt2") out)
    Assert.Equal<Map<string, string * byte array>>(tensors (source "llama2"), tensors out)

    Assert.Equal<string list>(
        [ ".staging-other"; "out" ],
        Directory.GetFileSystemEntries folder.Path
        |> Array.map (fun p -> nonNull (Path.GetFileName p))
        |> Array.sort
        |> List.ofArray
    )
