module Evo.Cli.Tests.InternEvoTests

open System
open System.IO
open Xunit
open Evo.Core
open Evo.Models
open Evo.Cli
open Evo.Cli.Tests.Command

let private folder = Path.Combine(root, "tests", "internevo", "configs")

/// The configurations in InternEvo's form, by name; bases are read by those that import them.
let private configs =
    Directory.GetFiles(folder, "*.py")
    |> Array.map (fun path -> string (Path.GetFileNameWithoutExtension path))
    |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))
    |> List.ofArray

let private pathOf name = Path.Combine(folder, name + ".py")

let private check name = ConfigFile.check [] (pathOf name)

/// What stands between a configuration and a run, without the folder's name.
let private problemsOf name =
    match check name with
    | Ok _ -> []
    | Error problems -> [ for problem in problems -> (string problem).Replace(folder + "/", "") ]


[<Fact>]
let ``every shipped form is imported, checked, and has no problem; the others name what is missing`` () =
    Assert.True(configs.Length >= 17)

    for name in configs do
        let problems = problemsOf name

        match name with
        | "30B_llama2" ->
            Assert.Contains("30B_llama2.py:18:17: int8_training = true: not part of Evo.", problems)
        | "deepseek3_hf" ->
            Assert.Equal<string list>(
                [
                    "deepseek3_hf.py:93:13: hf.mod_cls = \"DeepseekV3ForCausalLM\": no record of Evo's describes this model; write one and name its project in model.assembly (docs/own-model.md); everything else is imported."
                ],
                problems
            )
        | "qwen3_30B_A3B" ->
            Assert.Equal(2, problems.Length)
            Assert.StartsWith("qwen3_30B_A3B.py:3:14: model_type = \"QWEN3MOE\": no record", problems[0])
            Assert.Contains("parallel.expert_weight.size = 2", problems[1])
        | _ -> Assert.Empty problems

[<Fact>]
let ``what a shipped form says is what the run does`` () =
    let run name =
        match check name with
        | Ok run -> run
        | Error problems -> raise (ConfigException problems)

    let number (key: string) (run: RunConfig) =
        match run.Model.FamilyKeys[key] with
        | null -> 0
        | node -> node.GetValue<int>()

    for name, parameters in
        [
            // Published, or from the sizes: InternLM 7B, InternLM2 7B, Llama of 7B with 8 heads, InternLM-MoE of 4 experts.
            "7B_sft", 7_321_000_000.0
            "demo", 7_738_000_000.0
            "7B_internlm2", 7_738_000_000.0
            "8x7B_mixtral", 46_703_000_000.0
            "57B_qwen2_MoE", 57_410_000_000.0
            "7B_qwen2", 7_616_000_000.0
            "20B_internlm2", 19_861_000_000.0
            "70B_pretrain_llama2", 68_977_000_000.0
        ] do
        let count = (ConfigFile.spec (run name)).ParameterCount

        Assert.True(abs (float count / parameters - 1.0) < 0.001, $"{name}: {count} parameters")

    let sft = run "7B_sft"
    Assert.Equal("INTERNLM", sft.ModelType)
    Assert.Equal("bfloat16", sft.Model.Dtype)
    Assert.Equal(50000L, sft.LrScheduler.TotalSteps.GetValueOrDefault())
    Assert.Equal(0.95, sft.Beta2Scheduler.InitBeta2.GetValueOrDefault())
    Assert.Equal(536870912L, sft.HybridZeroOptimizer.ReduceBucketSize)
    Assert.Equal(65536.0, sft.GradScaler.InitialScale)
    Assert.False sft.Ckpt.EnableSaveCkpt
    Assert.Equal("llm_ckpts", sft.CheckpointFolder)
    Assert.Equal(0L, sft.Data.ValidEvery)

    let isp = run "7B_isp_sft"
    Assert.Equal("isp", isp.Parallel.Tensor.Mode)
    Assert.Equal(4, isp.Parallel.Weight.Size)

    let moe = run "7B_MoE4_sft"
    Assert.Equal(2, number "top_k" moe)
    Assert.Equal(0.1, moe.Loss.MoeLossCoeff)

    let long = run "20B_internlm2"
    Assert.True long.SelectiveCheckpoint
    Assert.Equal(16384, number "max_position_embeddings" long)

    let byClass = run "7B_internlm2_hf"
    Assert.Equal("INTERNLM2", byClass.ModelType)
    Assert.True byClass.Parallel.Fsdp.Enable

[<Fact>]
let ``the imported text is a configuration that reads as the same run`` () =
    for name in configs do
        match check name, ConfigFile.import (pathOf name) with
        | Ok run, Ok imported ->
            let text = Json.render imported.Json

            match Config.load (ConfigFile.families ()) [] "imported.json" text with
            | Ok again -> Assert.Equal(Config.print run, Config.print again)
            | Error problems -> raise (ConfigException problems)
        | _ -> ()

// ---- the command

[<Fact>]
let ``evo config import writes the configuration and says what became of each key`` () =
    let target =
        Path.Combine(Path.GetTempPath(), $"evo-import-{Environment.ProcessId}.json")

    try
        let answer =
            runIn root [ "config"; "import"; "tests/internevo/configs/7B_sft.py"; "--output"; target ]

        Assert.Equal("", answer.Errors)
        Assert.Equal(0, answer.Code)
        Assert.Matches(@"  cudnn_deterministic +train\.deterministic\n", answer.Output)
        Assert.Contains("  parallel.weight.memory_pool", answer.Output)
        Assert.EndsWith("no problems\n", answer.Output)

        Assert.StartsWith(
            "// Imported from 7B_sft.py.\n{\n  \"job_name\": \"7b_train\",",
            File.ReadAllText target
        )

        Assert.Equal(0, (runIn root [ "config"; "check"; target ]).Code)
    finally
        File.Delete target

[<Fact>]
let ``a model without a record is named, everything else is written, and the exit code is 3`` () =
    let answer =
        runIn root [ "config"; "import"; "tests/internevo/configs/deepseek3_hf.py" ]

    Assert.Equal(int ExitCode.Config, answer.Code)
    Assert.Contains("\"seq_len\": 2048", answer.Output)
    Assert.Contains("1 problem:\n", answer.Errors)
    Assert.Contains("hf.mod_cls = \"DeepseekV3ForCausalLM\": no record of Evo's", answer.Errors)

[<Fact>]
let ``evo train takes a Python file, and says what is wrong with it at its place`` () =
    let run =
        Path.Combine(Path.GetTempPath(), $"evo-import-run-{Environment.ProcessId}")

    Directory.CreateDirectory run |> ignore

    try
        let file = Path.Combine(run, "small.py")

        let text =
            "import os\nmodel_type = 'INTERNLM2_PUBLIC'\nJOB_NAME = f\"small-{os.environ['HOME']}\"\n"
            + "SIZE = 2**6\nmodel = dict(vocab_size=512, hidden_size=SIZE, num_layers=1, num_attention_heads=2,\n"
            + "    num_kv_attention_heads=2, mlp_ratio=8 / 3, multiple_of=32, dtype='torch.float32', no_bias=True)\n"
            + "data = dict(seq_len=32, micro_num=1, micro_bsz=1, total_steps=2, train_folder=None)\n"
            + "parallel = dict(tensor=dict(size=1, mode='mtp'))\n"

        File.WriteAllText(file, text)

        // A text that a tokenizer can be learnt from.
        let input = Path.Combine(run, "text.txt")

        File.WriteAllLines(
            input,
            [ for i in 1..400 -> $"The number {i} comes after {i - 1} and before {i + 1}." ]
        )

        let prepared =
            [
                "prepare.source=text"
                $"prepare.input={input}"
                $"prepare.folder={run}/data"
                "prepare.vocab_size=300"
                "prepare.held_out=0"
                "data.type=tokenized"
                "train.device=cpu"
            ]
            |> List.collect (fun assignment -> [ "--set"; assignment ])

        let trained =
            runIn root ([ "train"; file; "--run-dir"; Path.Combine(run, "run"); "--plain" ] @ prepared)

        Assert.True((trained.Code = 0), trained.Output + trained.Errors)
        Assert.Contains("done: 2 steps", trained.Output)

        File.WriteAllText(file, text + "for i in x: pass\n")
        let unknown = runIn root [ "train"; file ]
        Assert.Equal(int ExitCode.Config, unknown.Code)
        Assert.Contains("small.py:9:1: for: a loop is not read in a configuration.", unknown.Errors)
    finally
        Directory.Delete(run, true)

// ---- docs/usage.md

[<Fact; Trait("Category", "Full")>]
let ``the commands of docs/usage.md run one after the other`` () =
    let page = File.ReadAllText(Path.Combine(root, "docs", "usage.md"))
    let block = (page.Split "```")[1]

    let commands =
        block.Split '\n'
        |> List.ofArray
        |> List.filter (fun line -> line.StartsWith "./evo ")

    Assert.NotEmpty commands

    for folder in [ "data/usage"; "runs/usage"; "runs/usage-hf" ] do
        let folder = Path.Combine(root, folder)

        if Directory.Exists folder then
            Directory.Delete(folder, true)

    for command in commands do
        let answer = runIn root (HelpTests.words command |> List.tail)
        Assert.True((answer.Code = 0), $"{command}: {answer.Output}{answer.Errors}")

    Assert.True(File.Exists(Path.Combine(root, "runs", "usage-hf", "model.safetensors")))

// ---- docs/moving-from-internevo.md

/// One line for each shipped form: what the layout check says on 8, 64 and 1024 ranks.
let private layouts () =
    let said name (world: int) =
        match check name with
        | Error _ -> None
        | Ok run ->
            let facts = LayoutFacts.Of(ConfigFile.spec run, run.Data.RowTokens)
            let layout = run.LayoutAt(world, facts.Experts)

            match List.ofSeq (run.LayoutProblems(world, facts)) with
            | [] ->
                // The world stands in the heading.
                Some((string layout).Replace($", world {world}", ""))
            | problems ->
                let nearest = NearestLayout.find facts layout

                let keys =
                    NearestLayout.changes layout nearest
                    |> List.map (fun (key, value) -> $"`{key}={value}`")

                let rules = String.Join("; ", problems |> List.map string)
                Some($"refused: {rules}; nearest: " + String.Join(", ", keys))

    [
        "| form | 8 GPUs | 64 GPUs | 1024 GPUs |"
        "|---|---|---|---|"
        for name in configs do
            match said name 8 with
            | None ->
                let missing = problemsOf name |> List.length
                $"| `{name}` | {missing} missing: see `evo config import` | | |"
            | Some on8 ->
                let rest = [ 64; 1024 ] |> List.map (said name >> Option.defaultValue "")
                "| `" + name + "` | " + String.Join(" | ", on8 :: rest) + " |"
    ]
    |> List.map (fun line -> line + "\n")
    |> String.concat ""

/// Compares what stands between two marks of the page with what should, or writes it there.
let private generated (name: string) (text: string) =
    let path = Path.Combine(root, "docs", "moving-from-internevo.md")
    let page = File.ReadAllText path
    let first, last = $"<!-- {name} -->\n", $"<!-- end of {name} -->"
    let from = page.IndexOf first + first.Length
    let upTo = page.IndexOf(last, from)
    Assert.True(page.Contains first && upTo > 0, $"the page has no marks for {name}")

    if
        page.Substring(from, upTo - from) <> text
        && Environment.GetEnvironmentVariable "EVO_WRITE_DOCS" = "1"
    then
        File.WriteAllText(path, page.Substring(0, from) + text + page.Substring upTo)
    else
        Assert.True(
            (page.Substring(from, upTo - from) = text),
            "run this test with EVO_WRITE_DOCS=1 to write the tables again"
        )

[<Fact>]
let ``the page about moving has the table of keys and the layouts of the shipped forms`` () =
    generated "keys" (InternEvoImport.table ())
    generated "layouts" (layouts ())
