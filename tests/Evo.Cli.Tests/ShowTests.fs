/// `evo show`: a run on a number of ranks, without any.
module Evo.Cli.Tests.ShowTests

open System
open System.Text.Json.Nodes
open Evo.Cli.Tests.Command
open Xunit

let private show (line: string) =
    run ("show" :: List.ofArray (line.Split(' ', StringSplitOptions.RemoveEmptyEntries)))

let private answered line =
    let answer = show line
    Assert.True((answer.Code = 0), answer.Errors)
    answer.Output

let private json line =
    nonNull (JsonNode.Parse(answered (line + " --json")))

let private at (name: string) (node: JsonNode) : JsonNode = nonNull node[name]

let private items (node: JsonNode) =
    [ for item in node.AsArray() -> nonNull item ]

let private numbers (node: JsonNode) =
    [ for item in items node -> item.GetValue<int>() ]

[<Fact>]
let ``a mesh shows every rank's place and the groups of every axis`` () =
    let lines = (answered "mesh configs/7B_isp.json --world 8").TrimEnd().Split '\n'

    Assert.Equal<string array>(
        [|
            "isp, world 8: tensor 2, weight 4, data 4, zero -1"
            ""
            "rank  tensor  data  weight  weight-data  pipeline"
            "   0       0     0       0            0         0"
            "   1       1     0       1            0         0"
            "   2       0     1       2            0         0"
            "   3       1     1       3            0         0"
            "   4       0     2       0            1         0"
            "   5       1     2       1            1         0"
            "   6       0     3       2            1         0"
            "   7       1     3       3            1         0"
            ""
            "axis         ranks  groups"
            "tensor           2  [0,1] [2,3] [4,5] [6,7]"
            "data             4  [0,2,4,6] [1,3,5,7]"
            "weight           4  [0-3] [4-7]"
            "weight-data      2  [0,4] [1,5] [2,6] [3,7]"
            "pipeline         1  each rank alone"
            "zero             2  [0,4] [1,5] [2,6] [3,7]"
        |],
        lines
    )

[<Fact>]
let ``a program reads the same groups, those of experts too`` () =
    let mesh =
        json
            "mesh configs/8x7B_mixtral.json --world 8 --set parallel.tensor.size=2 --set parallel.expert.size=2"

    let groups axis =
        [ for group in items (mesh |> at "groups" |> at axis) -> numbers group ]

    Assert.Equal<int list list>([ [ 0; 1 ]; [ 2; 3 ]; [ 4; 5 ]; [ 6; 7 ] ], groups "expert_tensor")
    Assert.Equal<int list list>([ [ 0; 2 ]; [ 1; 3 ]; [ 4; 6 ]; [ 5; 7 ] ], groups "expert")
    Assert.Equal<int list list>([ [ 0; 4 ]; [ 1; 5 ]; [ 2; 6 ]; [ 3; 7 ] ], groups "expert_data")
    Assert.Equal<int list list>([ [ 0; 2; 4; 6 ]; [ 1; 3; 5; 7 ] ], groups "zero")
    Assert.Equal<int list list>(groups "expert_data", groups "expert_zero")
    Assert.Equal(8, (items (at "ranks" mesh)).Length)

[<Fact>]
let ``a layout shows who holds which layers, and shares of what`` () =
    let lines =
        (answered
            "layout configs/llama2.json --world 8 --set parallel.tensor.size=2 --set parallel.pipeline.size=2 --set parallel.pipeline.mode=ZBV --set data.micro_num=4 --set parallel.zero1.size=2")
            .TrimEnd()
            .Split
            '\n'

    Assert.Equal<string array>(
        [|
            "rank  stage  holds                             tensor  optimizer state"
            "   0  0      embedding, layers 0-1, 6-7, head  1 of 2  1 of 2"
            "   1  0      embedding, layers 0-1, 6-7, head  2 of 2  1 of 2"
            "   2  0      embedding, layers 0-1, 6-7, head  1 of 2  2 of 2"
            "   3  0      embedding, layers 0-1, 6-7, head  2 of 2  2 of 2"
            "   4  1      layers 2-3, 4-5                   1 of 2  1 of 2"
            "   5  1      layers 2-3, 4-5                   2 of 2  1 of 2"
            "   6  1      layers 2-3, 4-5                   1 of 2  2 of 2"
            "   7  1      layers 2-3, 4-5                   2 of 2  2 of 2"
        |],
        lines[2..]
    )

    Assert.Equal(
        "mtp, world 8: tensor 2, data 2, pipeline 2, zero 2, ZBV, 2 chunks, 4 micro-batches, recompute 0.5: 8,192 tokens a step",
        lines[0]
    )

[<Fact>]
let ``experts are held in turns, and each layer's experts are all held`` () =
    let layout =
        json
            "layout configs/8x7B_mixtral.json --world 4 --set parallel.tensor.size=2 --set parallel.expert.no_tp=true --set parallel.tensor.mode=mtp"

    let held = [ for rank in items (at "ranks" layout) -> numbers (at "experts" rank) ]

    Assert.Equal<int list list>([ [ 0; 2 ]; [ 2; 4 ]; [ 4; 6 ]; [ 6; 8 ] ], held)

[<Fact>]
let ``an illegal layout is refused with everything that is in the way, and the nearest that is legal`` () =
    let line =
        "configs/llama2.json --world 12 --set parallel.tensor.size=3 --set parallel.zero1.size=8"

    for verb in [ "mesh"; "layout" ] do
        let answer = show $"{verb} {line}"
        Assert.Equal(3, answer.Code)
        Assert.Equal("", answer.Output)

        for words in
            [
                "evo: configs/llama2.json: "
                "parallel.zero1.size = 8: does not divide the 4 data-parallel ranks; use 1, 2, 4 or -1."
                "parallel.tensor.size = 3: "
                "do not split 3 ways; use 1, 2, 4 or 8."
                "the nearest legal layout: --set parallel.tensor.size="
            ] do
            Assert.Contains(words, answer.Errors)

        // What is proposed is legal.
        let nearest =
            answer.Errors.Split '\n'
            |> Array.find (fun line -> line.StartsWith "the nearest legal layout: ")

        let proposed = nearest.Substring("the nearest legal layout: ".Length)
        answered $"{verb} {line} {proposed}" |> ignore

    let told = show $"layout {line} --json"
    Assert.Equal(3, told.Code)
    let told = nonNull (JsonNode.Parse told.Output)
    Assert.Contains("parallel.zero1.size", string (at "problems" told))
    Assert.Contains("parallel.tensor.size", string (at "nearest" told))

[<Fact>]
let ``a thousand ranks are shown in a moment, and not all of them on a screen`` () =
    let output =
        answered "mesh configs/20B_internlm2.json --world 1024 --set parallel.zero1.size=-1"

    Assert.Contains("and 960 more; --json lists all", output)
    Assert.Contains("[0,256,512,768]", output)
    Assert.Contains("and 248 more", output)

[<Theory>]
[<InlineData("mesh configs/llama2.json", "missing parameter '--world'")>]
[<InlineData("mesh configs/llama2.json --world 0", "--world = 0: must be 1 or more")>]
[<InlineData("mash configs/llama2.json --world 1", "Did you mean evo show mesh?")>]
let ``a wrong command line of show is one message`` (line: string) (expected: string) =
    let answer = show line
    Assert.Equal(2, answer.Code)
    Assert.Contains(expected, answer.Errors)

[<Fact>]
let ``of changes that are equally small, one to the key that is in the way is proposed`` () =
    let answer = show "layout configs/20B_internlm2.json --world 32"
    Assert.Equal(3, answer.Code)

    Assert.Equal<string array>(
        [|
            "evo: configs/20B_internlm2.json: 1 problem on 32 ranks"
            "parallel.zero1.size = 8: does not divide the 2 ranks that hold the same weights (weight-data); use 1, 2 or -1."
            "the nearest legal layout: --set parallel.zero1.size=2"
        |],
        answer.Errors.Split '\n' |> Array.truncate 3
    )

let private within budget =
    $"memory configs/llama2.json --world 4 --set parallel.pipeline.size=2 --set train.device=cpu --set model.checkpoint=auto --set train.memory_budget={budget}"

[<Fact>]
let ``memory shows what each stage holds and what its layers keep`` () =
    let lines = (answered (within "0.4")).TrimEnd().Split '\n'

    let first (line: string) =
        line.Split("  ", StringSplitOptions.RemoveEmptyEntries)[0]

    Assert.Equal<string array>(
        [|
            "memory of a rank"
            "parameters"
            "gradients"
            "optimizer state"
            "activations"
            "comes and goes"
            "all"
        |],
        lines[2..8] |> Array.map first
    )

    Assert.StartsWith("recompute: stage 0: layers 0-", lines[10])
    Assert.Contains(" needed of 429.5 MB", lines[10])
    Assert.StartsWith("recompute: stage 1: every layer keeps everything: 0 bytes a rank saved, ", lines[11])
    Assert.EndsWith(" more operations in a step", lines[12])

[<Fact>]
let ``memory for a program says bytes of each kind, what each layer keeps, and its costs`` () =
    let plan = json (within "0.4")
    let stage = (items (at "stages" plan)).Head
    let number name = (at name stage).GetValue<int64>()
    Assert.Equal(4, (items (at "layers" stage)).Length)
    Assert.True(number "needed" <= (at "budget" plan).GetValue<int64>())
    Assert.True(number "saved" > 0L && number "missing" = 0L)
    Assert.True((at "more_work" plan).GetValue<float>() > 0.0)

[<Fact>]
let ``memory that is too little is refused with what is missing`` () =
    let answer = show (within "0.1")
    Assert.Equal(3, answer.Code)
    Assert.Contains("train.memory_budget = 0.1: 0.1 GiB are 0.", answer.Errors)

    Assert.Contains(
        "GiB too few for a rank of stage 0, even where its layers are computed again: parameters 0.0635 GiB",
        answer.Errors
    )

[<Fact>]
let ``memory of a configuration that says itself what is computed again is shown, too`` () =
    let text = answered "memory configs/llama2.json --world 1"
    Assert.Contains("recompute: layers 0-3 keep their input, 4-7 everything", text)

[<Fact>]
let ``7 billion parameters with AdamW have room on one GPU of 141 GB where weights are split and sums narrow``
    ()
    =
    let needed keys =
        let plan =
            json
                $"memory configs/7B_qwen2.json --world 1 --set data.seq_len=1024 --set data.micro_bsz=4 --set data.micro_num=1 --set model.checkpoint=0 --set train.device=cuda {keys}"

        (at "needed" (items (at "stages" plan)).Head).GetValue<int64>()

    let one key =
        $"--set hybrid_zero_optimizer.{key}=true "

    let weights = 7_615_616_512L
    let plain = needed ""
    let split = needed (one "split_master")
    let both = needed (one "split_master" + one "narrow_sums")
    Assert.InRange(both, 14L * weights, 130_000_000_000L)
    Assert.True(plain > 141_000_000_000L)
    // 2 bytes of each weight, and 4, each with a fiftieth for what no formula knows.
    Assert.InRange(float (plain - split), 2.0 * 1.0199 * float weights, 2.0 * 1.0201 * float weights)
    Assert.InRange(float (split - both), 4.0 * 1.0199 * float weights, 4.0 * 1.0201 * float weights)
