module Evo.Cli.Tests.ConvertTests

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open Evo.Data
open Evo.Data.Tests
open Xunit
open Evo.Cli.Tests.Command
open Evo.Cli.Tests.TrainTests

let private golden name =
    Path.Combine(root, "tests", "golden", name)

let internal succeeded (answer: Answer) =
    Assert.True((answer.Code = 0), $"exit code {answer.Code}:\n{answer.Errors}")
    answer

let internal failed code (parts: string list) (answer: Answer) =
    Assert.True((answer.Code = code), $"exit code {answer.Code}:\n{answer.Errors}")

    for part in parts do
        Assert.Contains(part, answer.Errors)

    Assert.DoesNotContain("   at ", answer.Errors)
    Assert.DoesNotContain("defect", answer.Errors)

[<Fact>]
let ``a converted model verifies, and the summary is one object of JSON`` () =
    use folder = new Folder()
    let out = folder.File "gpt2"

    let answer =
        run
            [
                "convert"
                "--from-hf"
                golden "gpt2"
                "--out"
                out
                "--shard-size"
                "50kB"
                "--json"
            ]
        |> succeeded

    use json = JsonDocument.Parse answer.Output
    let it = json.RootElement
    Assert.Equal("GPT2LMHeadModel", it.GetProperty("architecture").ToString())
    Assert.Equal(28, it.GetProperty("tensors").GetInt32())
    Assert.True(it.GetProperty("shards").GetInt32() > 4)
    Assert.Equal("float32", it.GetProperty("dtype").ToString())
    Assert.Contains("converting", answer.Errors)

    let verified =
        run
            [
                "verify"
                "--hf"
                out
                "--golden"
                Path.Combine(golden "gpt2", "golden.safetensors")
            ]
        |> succeeded

    Assert.Contains("all within", verified.Output)

[<Fact>]
let ``a trained run becomes a Hugging Face folder that generates the same text, and training starts from what comes back``
    ()
    =
    use folder = world ()
    runIn folder.Path [ "train"; "run.json" ] |> succeeded |> ignore

    let said =
        runIn folder.Path [ "convert"; "--to-hf"; "runs/small"; "--out"; "hf"; "--shard-size"; "30kB" ]
        |> succeeded

    Assert.Contains("wrote hf: LlamaForCausalLM", said.Output)
    Assert.Contains("copied along: tokenizer.model", said.Output)
    Assert.Contains("optimizer-00001-of-00001.safetensors", said.Output)
    Assert.False(File.Exists(folder.File "hf/optimizer-00001-of-00001.safetensors"))

    let generate from =
        (runIn
            folder.Path
            [
                "generate"
                "--checkpoint"
                from
                "--prompt"
                "the model"
                "--max-tokens"
                "12"
            ]
         |> succeeded)
            .Output

    let written = generate "runs/small"
    Assert.Equal(written, generate "hf")

    runIn folder.Path [ "convert"; "--from-hf"; "hf"; "--out"; "evo" ]
    |> succeeded
    |> ignore

    Assert.Equal(written, generate "evo")

    // The first loss of a run that begins from these weights is that of a trained model.
    let firstLoss (extra: string list) =
        let answer =
            runIn folder.Path ([ "train"; "run.json"; "--json"; "--set"; "data.total_steps=1" ] @ extra)
            |> succeeded

        answer.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        |> Array.map (fun line -> JsonDocument.Parse(line).RootElement)
        |> Array.find (fun event -> event.GetProperty("event").ToString() = "step")
        |> fun event -> event.GetProperty("loss").GetDouble()

    let fresh = firstLoss [ "--set"; "job_name=fresh" ]

    let start =
        """ckpt.load_ckpt_info={"path": "evo", "ckpt_type": "hf", "content": ["model"]}"""

    let continued = firstLoss [ "--set"; "job_name=continued"; "--set"; start ]
    Assert.True(continued < fresh - 0.01, $"{continued} from these weights, {fresh} from random ones")

/// A copy of a golden folder's configuration beside a pickle as its weights.
let private pickled (folder: Folder) pickle =
    Directory.CreateDirectory(folder.File "bad") |> ignore
    File.Copy(Path.Combine(golden "llama2", "config.json"), folder.File "bad/config.json", true)
    File.WriteAllBytes(folder.File "bad/pytorch_model.bin", PickleWriter.torchFile pickle [])

[<Fact>]
let ``a hostile pickle is refused by name and place, and runs nothing`` () =
    use folder = new Folder()
    let trace = folder.File "owned"

    pickled
        folder
        (Array.concat
            [
                PickleWriter.proto 2
                PickleWriter.reduce
                    (PickleWriter.global' "os" "system")
                    [ PickleWriter.unicode $"touch {trace}" ]
                PickleWriter.stop
            ])

    runIn folder.Path [ "convert"; "--from-hf"; "bad"; "--out"; "out" ]
    |> failed 4 [ "bad/pytorch_model.bin, data.pkl, byte 2: it names os.system; " ]

    Assert.False(File.Exists trace)
    Assert.False(Directory.Exists(folder.File "out"))

[<Fact>]
let ``every tensor that does not fit is listed, with exit code 4`` () =
    use folder = new Folder()
    Directory.CreateDirectory(folder.File "bad") |> ignore
    File.Copy(Path.Combine(golden "gpt2", "model.safetensors"), folder.File "bad/model.safetensors")
    File.Copy(Path.Combine(golden "llama2", "config.json"), folder.File "bad/config.json")

    let answer = runIn folder.Path [ "convert"; "--from-hf"; "bad"; "--out"; "out" ]

    answer
    |> failed
        4
        [
            "tensors do not fit"
            "model.norm.weight: missing, must be [64]"
            "transformer.wte.weight: unexpected, the model has no such tensor; it is F32 ["
        ]

    use llama2 = WeightsFolder.Open(golden "llama2")
    use gpt2 = WeightsFolder.Open(golden "gpt2")
    Assert.Equal(llama2.Names.Count, Regex.Matches(answer.Errors, ": missing, must be").Count)
    Assert.Equal(gpt2.Names.Count, Regex.Matches(answer.Errors, ": unexpected, the model").Count)
    Assert.False(Directory.Exists(folder.File "out"))

[<Theory>]
[<InlineData("convert --out x", "give --from-hf, --to-hf or --from-internevo")>]
[<InlineData("convert --from-internevo x --to-hf y --out z",
             "--to-hf and --from-internevo contradict each other")>]
[<InlineData("convert --from-internevo x --out z", "--from-internevo needs --config")>]
[<InlineData("convert --from-hf x --config y --out z",
             "--config and --qk-interleaved belong to --from-internevo, not to --from-hf")>]
[<InlineData("convert --from-hf x --to-hf y --out z", "contradict each other")>]
[<InlineData("convert --from-hf x", "missing parameter '--out'")>]
[<InlineData("convert --from-hf x --out z --dtype int8",
             "--dtype int8: must be float32, bfloat16, float16 or keep")>]
[<InlineData("convert --from-hf x --out z --shard-size 5XB", "--shard-size 5XB: must be a size")>]
[<InlineData("convert --from-hf x --out z --shard-size 0", "--shard-size 0: must be a size")>]
let ``a wrong command line is told before anything is read`` (line: string) (expected: string) =
    run (List.ofArray (line.Split ' ')) |> failed 2 [ expected ]

[<Fact>]
let ``missing folders, runs in the wrong direction and folders in the way are told`` () =
    use folder = new Folder()

    runIn folder.Path [ "convert"; "--from-hf"; "nowhere"; "--out"; "out" ]
    |> failed 4 [ "nowhere: there is no such folder" ]

    runIn folder.Path [ "convert"; "--to-hf"; "nowhere"; "--out"; "out" ]
    |> failed 4 [ "nowhere: there is no such folder" ]

    Directory.CreateDirectory(folder.File "run/checkpoints") |> ignore

    runIn folder.Path [ "convert"; "--from-hf"; "run"; "--out"; "out" ]
    |> failed 2 [ "this is the folder of a run"; "--to-hf" ]

    folder.Write("out/notes.txt", "mine") |> ignore

    runIn folder.Path [ "convert"; "--from-hf"; golden "gpt2"; "--out"; "out" ]
    |> failed 4 [ "out: it is there already and holds notes.txt"; "--force" ]

    runIn folder.Path [ "convert"; "--from-hf"; golden "gpt2"; "--out"; "out"; "--force" ]
    |> failed 4 [ "out: it holds notes.txt, which is no part of a model folder" ]

    Assert.Equal("mine", File.ReadAllText(folder.File "out/notes.txt"))

/// The largest memory that a process had, by the system's own account.
let private peakOf arguments =
    let mutable peak = 0L

    let watch (running: Process) =
        while not running.HasExited do
            try
                let status = File.ReadAllText $"/proc/{running.Id}/status"
                let found = Regex.Match(status, @"VmHWM:\s+(\d+) kB")

                if found.Success then
                    peak <- max peak (1024L * int64 found.Groups[1].Value)
            with :? IOException ->
                ()

            Threading.Thread.Sleep 5

    runWith watch root arguments |> succeeded |> ignore
    peak

/// A Llama of that many layers of 51 MB each, of random numbers; gives its bytes and those of its largest tensor.
let private large (folder: string) layers asTorch =
    Directory.CreateDirectory folder |> ignore

    File.WriteAllText(
        Path.Combine(folder, "config.json"),
        $$"""{ "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 2000, "hidden_size": 1024, "intermediate_size": 2816,
               "num_hidden_layers": {{layers}}, "num_attention_heads": 16, "num_key_value_heads": 16, "max_position_embeddings": 128 }"""
    )

    let wanted =
        (Evo.Parallel.HuggingFaceFolder.ReadConfig folder).Parameters |> List.ofSeq

    let bytes = Array.zeroCreate<byte>(4 * 2816 * 1024)
    Random(3).NextBytes bytes
    // No infinities and no NaN: the sign, a small exponent, any mantissa.
    for i in 3..4 .. bytes.Length - 1 do
        bytes[i] <- 0x3cuy

    if asTorch then
        // Every matrix is a turned view of a storage of its own.
        let keyed = List.indexed wanted

        let views =
            [
                for key, p in keyed ->
                    let shape = List.ofSeq p.HuggingFaceShape
                    let over = PickleWriter.storage "Float" (string key) p.Count
                    let strides = if shape.Length = 2 then [ 1L; shape[0] ] else [ 1L ]
                    p.HuggingFaceName, PickleWriter.tensor over 0L shape strides
            ]

        let bySize = Collections.Generic.Dictionary<int64, byte[]>()

        let storages =
            [
                for key, p in keyed ->
                    if not (bySize.ContainsKey p.Count) then
                        bySize[p.Count] <- Array.sub bytes 0 (4 * int p.Count)

                    string key, bySize[p.Count]
            ]

        use file = File.Create(Path.Combine(folder, "pytorch_model.bin"))
        PickleWriter.writeArchive file (PickleWriter.torchEntries (PickleWriter.stateDict views) storages)
    else
        use writer =
            new SafeTensorsWriter(
                Path.Combine(folder, "model.safetensors"),
                [
                    for p in wanted ->
                        SafeTensorPlan(p.HuggingFaceName, SafeTensorType.F32, p.HuggingFaceShape)
                ],
                durable = false
            )

        for tensor in writer.Tensors do
            writer.Write(tensor.Name, ReadOnlySpan(bytes, 0, int tensor.ByteCount))

        writer.Complete()

    4L * (wanted |> List.sumBy _.Count), 4L * (wanted |> List.map _.Count |> List.max)

[<Theory>]
[<InlineData(false, "keep")>]
[<InlineData(false, "bfloat16")>]
[<InlineData(true, "bfloat16")>]
let ``memory stays below one shard and one tensor, whatever the model's size``
    (asTorch: bool)
    (dtype: string)
    =
    use folder = new Folder()
    let shard = 24_000_000L
    let _, _ = large (folder.File "small") 1 asTorch
    let total, largest = large (folder.File "large") 4 asTorch
    Assert.InRange(total, 190_000_000L, 300_000_000L)

    let peak name =
        peakOf
            [
                "convert"
                "--from-hf"
                folder.File name
                "--out"
                folder.File(name + "-out")
                "--dtype"
                dtype
                "--shard-size"
                string shard
            ]

    // What the runtime itself takes is in both; the difference is what three more layers of 51 MB cost.
    let little = peak "small"
    let much = peak "large"
    Assert.True(little > 20_000_000L)

    Assert.True(
        much - little < shard + largest,
        $"{much} bytes for {total} bytes of weights, {little} for a quarter of them"
    )
