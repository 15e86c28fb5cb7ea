module Evo.Core.Tests.RunLayoutTests

open System
open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Tests.Properties
open Evo.Core.Tests.Runs

let private withKeys overrides =
    match Config.load [ family ] overrides "run.json" smallest with
    | Ok run -> run
    | Error problems -> raise (ConfigException problems)

let private refused overrides =
    match Config.load [ family ] overrides "run.json" smallest with
    | Ok _ -> []
    | Error problems -> problems |> List.map string

// ---- the number of micro-batches, as it rises

[<Theory>]
[<InlineData("1 1 1", 1, "1 1 1 1 1 1 1 1")>]
[<InlineData("1 1 4", 4, "1 1 1 1 2 2 2 2")>]
[<InlineData("2 2 2", 8, "2 2 4 4 6 6 8 8")>]
[<InlineData("3 4 1", 8, "3 7 8 8 8 8 8 8")>]
let ``micro-batches rise as InternEvo's do`` (text: string) (most: int) (expected: string) =
    let ramp = RampUp.TryParse text |> Option.get
    let risen = [ for batch in 0L .. 7L -> string (ramp.MicroBatchesAt(batch, most)) ]
    Assert.Equal(expected, String.Join(" ", risen))

[<Fact>]
let ``micro-batches before a batch are the sum of those of each`` () =
    let ramps =
        gen {
            let! start, increment, every =
                Gen.zip3 (Gen.choose (1, 9)) (Gen.choose (1, 5)) (Gen.choose (1, 6))

            let! most, batch = Gen.zip (Gen.choose (1, 20)) (Gen.choose (0, 60))

            return
                {
                    Start = start
                    Increment = increment
                    Every = int64 every
                },
                most,
                int64 batch
        }

    let fewer (ramp: RampUp, most, batch) =
        seq {
            if batch > 0L then
                ramp, most, batch - 1L

            if most > 1 then
                ramp, most - 1, batch
        }

    law ramps fewer (fun (ramp, most, batch) ->
        let each = [ for b in 0L .. batch - 1L -> int64 (ramp.MicroBatchesAt(b, most)) ]

        (ramp.MicroBatchesBefore(batch, most), List.forall (fun n -> n <= int64 most) each)
        =? (List.sum each, true))

    let far = RampUp.TryParse "1 1 1000000000" |> Option.get
    Assert.Equal(3000000000L, far.MicroBatchesBefore(2000000000L, 5))

// ---- what the keys say on a number of ranks

[<Fact>]
let ``keys become degrees once the number of ranks is known`` () =
    let run =
        withKeys
            [
                "parallel.tensor.size=2"
                "parallel.tensor.mode=isp"
                "parallel.weight.size=4"
                "parallel.pipeline.size=2"
                "parallel.zero1=2"
                "data.micro_num=4"
                "model.checkpoint=0.5"
                "selective_checkpoint=true"
                "hybrid_zero_optimizer.reduce=all_reduce"
            ]

    let layout = run.LayoutAt(16, 0)

    Assert.Equal(
        {
            Degrees =
                {
                    World = 16
                    Mode = TensorMode.Isp
                    Tensor = 2
                    Weight = 4
                    Pipeline = 2
                    Zero = 2
                    Expert = 1
                    NoTp = false
                    Fsdp = 1
                }
            Schedule = PipelineMode.OneForwardOneBackward
            Chunks = 1
            MicroBatches = 4
            Recompute = 0.5
            Selective = true
            Reduction = GradientReduction.AllReduce
        },
        layout
    )

    Assert.Equal(layout.Degrees, run.Degrees(16, 0))
    Assert.Empty(run.LayoutProblems(16, ModelFacts.Any(2, 0)))

    Assert.Equal<string list>(
        [
            "parallel.weight.size = 4: does not divide the 6 ranks of a stage; use 1, 2, 3 or 6"
        ],
        [
            for problem in run.LayoutProblems(12, ModelFacts.Any(2, 0)) -> string problem
        ]
    )

[<Fact>]
let ``a run that says nothing about ranks is legal on any number of them`` () =
    let run = withKeys []

    for world in 1..64 do
        for experts in [ 0; 1; 4; 12 ] do
            Assert.Empty(run.LayoutProblems(world, ModelFacts.Any(2, experts)))
            Topology(run.Degrees(world, experts)) |> ignore

[<Theory>]
[<InlineData(1, 8, 1)>]
[<InlineData(4, 8, 4)>]
[<InlineData(16, 8, 8)>]
[<InlineData(6, 8, 2)>]
[<InlineData(6, 0, 1)>]
let ``experts take as many ranks as there are, unless more than experts or unevenly``
    (world: int)
    (experts: int)
    (expected: int)
    =
    Assert.Equal(expected, (withKeys []).Degrees(world, experts).Expert)
    // Under mtp an expert is split over two ranks, and half as many hold others.
    let split = withKeys [ "parallel.tensor=2" ]
    Assert.Equal(expected, split.Degrees(2 * world, experts).Expert)

    if experts > 0 then
        let whole = withKeys [ "parallel.tensor=2"; "parallel.expert.no_tp=true" ]

        Assert.Equal(
            DegreeRules.divisors (2 * world)
            |> List.filter (fun n -> experts % n = 0)
            |> List.max,
            whole.Degrees(2 * world, experts).Expert
        )

[<Fact>]
let ``shared parameters take all data ranks unless a number is given, and their state with them`` () =
    let all = withKeys [ "parallel.fsdp.enable=true"; "parallel.tensor=2" ]
    Assert.Equal((4, 1), (all.Degrees(8, 0).Fsdp, all.Degrees(8, 0).Zero))
    let two = withKeys [ "parallel.fsdp.enable=true"; "parallel.fsdp.size=2" ]
    Assert.Equal(2, two.Degrees(8, 0).Fsdp)
    let off = withKeys [ "parallel.fsdp.size=2" ]
    Assert.Equal((1, -1), (off.Degrees(8, 0).Fsdp, off.Degrees(8, 0).Zero))

[<Fact>]
let ``the V has two chunks without being told`` () =
    let run =
        withKeys [ "parallel.pipeline.size=2"; "parallel.pipeline.mode=ZBV"; "data.micro_num=4" ]

    Assert.Equal((2, "ZBV"), (run.LayoutAt(2, 0).Chunks, run.LayoutAt(2, 0).ScheduleName))

// ---- what is refused before the number of ranks is known

[<Fact>]
let ``what speaks against a layout on any number of ranks is a problem of its keys`` () =
    Assert.Equal<string list>(
        [
            "run.json:3:45: model.num_chunks = 3: the schedule \"ZBV\" has two chunks on a stage; use 2."
            "run.json:4:87: data.micro_num = 3: the schedule \"ZBV\" needs at least 8 micro-batches on 4 stages; use 8 or more."
            "run.json:5:27: selective_checkpoint = true: has no effect: no layer is recomputed; set model.checkpoint above 0, or take it out."
            "run.json:8:14: parallel.zero1.size = 2: the optimizer's state is shared already, with the parameters (parallel.fsdp); use -1 or 1, or set parallel.fsdp.enable to false."
            "run.json:9:13: parallel.fsdp.size: parameters are not shared within the 4 stages of a pipeline; set parallel.fsdp.enable to false, or parallel.pipeline.size to 1."
        ],
        problems
            """{
  "model_type": "TOY",
  "model": { "num_layers": 2, "num_chunks": 3 },
  "data": { "train_folder": "tokens", "seq_len": 16, "total_steps": 100, "micro_num": 3 },
  "selective_checkpoint": true,
  "parallel": {
    "pipeline": { "size": 4, "mode": "ZBV" },
    "zero1": 2,
    "fsdp": { "enable": true },
  }
}"""
    )

[<Theory>]
[<InlineData("parallel.pipeline.mode=ZBH1", "has no effect on one stage")>]
[<InlineData("model.num_chunks=2", "has no effect on one stage")>]
[<InlineData("parallel.expert.size=0", "must be at least 1")>]
[<InlineData("parallel.fsdp.size=0", "must be at least 1, or -1 for all data-parallel ranks")>]
[<InlineData("reduce_comm_dtype=bfloat16", "must hold what the model computes in float32; use \"float32\"")>]
[<InlineData("hybrid_zero_optimizer.split_master=true", "is for bfloat16 weights")>]
[<InlineData("hybrid_zero_optimizer.narrow_sums=true",
             "has no effect: gradients are summed in the model's element type")>]
[<InlineData("grad_scaler.initial_scale=1e9", "must be from grad_scaler.min_scale to grad_scaler.max_scale")>]
[<InlineData("grad_scaler.min_scale=1e9", "must not be above grad_scaler.max_scale")>]
[<InlineData("grad_scaler.backoff_factor=0", "must be greater than 0")>]
[<InlineData("data.rampup_batch_size=2 2", "must be three whole numbers above 0")>]
[<InlineData("data.rampup_batch_size=0 1 1", "must be three whole numbers above 0")>]
[<InlineData("data.rampup_batch_size=2 1 1", "starts above data.micro_num = 1")>]
[<InlineData("parallel.pipeline.mode=1f1b", "did you mean \"1F1B\"?")>]
[<InlineData("grad_scaler.fp16={}", "evo config docs grad_scaler lists the keys of this section")>]
[<InlineData("parallel.weight.memory_pool=true", "Evo needs none; take it out")>]
let ``a key that contradicts another is refused`` (assignment: string) (expected: string) =
    let lines = refused [ assignment ]
    Assert.Contains(expected, Assert.Single lines)

[<Fact>]
let ``gradients in shards are not summed in the model's element type`` () =
    let lines =
        refused
            [
                "model.dtype=bfloat16"
                "parallel.fsdp.enable=true"
                "hybrid_zero_optimizer.narrow_sums=true"
            ]

    Assert.Contains("those of parallel.fsdp are summed in shards", Assert.Single lines)

[<Fact>]
let ``a rise must reach its end, through numbers that the schedule can run`` () =
    let rise text =
        refused
            [
                "parallel.pipeline=2"
                "model.num_chunks=2"
                "data.micro_num=8"
                $"data.rampup_batch_size={text}"
            ]

    Assert.Empty(rise "2 2 5")
    Assert.Contains("does not reach data.micro_num = 8: 6 is no multiple of 4", Assert.Single(rise "2 4 5"))

    Assert.Equal(
        "--set data.rampup_batch_size: \"5 3 1\": passes through 5 micro-batches, and interleaved chunks need micro-batches in multiples of the 2 stages; change start and incr.",
        Assert.Single(rise "5 3 1")
    )

// ---- what this build cannot do yet

// ---- what is left to the memory

[<Fact>]
let ``what layers keep can be left to the memory, and is then written as it was read`` () =
    let run = withKeys [ "model.checkpoint=auto"; "train.memory_budget=1.5" ]
    Assert.Equal(Auto, run.Model.Checkpoint)
    Assert.Equal(Nullable 1.5, run.Train.MemoryBudget)
    Assert.Equal(0.0, run.LayoutAt(1, 0).Recompute)
    Assert.Equal(run, loaded (Config.print run))
    Assert.Equal(Share 1.0, (withKeys [ "model.checkpoint=true" ]).Model.Checkpoint)
    Assert.Equal(Share 0.25, (withKeys [ "model.checkpoint=0.25" ]).Model.Checkpoint)

[<Fact>]
let ``a memory that nobody asks about, or that nobody knows, is a problem`` () =
    let one overrides =
        match refused overrides with
        | [ problem ] -> problem.Substring(problem.IndexOf ": " + 2)
        | problems -> String.concat " | " problems

    Assert.Equal(
        "train.memory_budget: must be given: model.checkpoint = \"auto\" chooses what fits it, and a CPU does not say how much of its memory a rank may take; the memory of each rank in GiB.",
        one [ "model.checkpoint=auto"; "train.device=cpu" ]
    )

    Assert.Contains("is not read: nothing is chosen for it", one [ "train.memory_budget=2" ])

    Assert.Contains(
        "chooses for each layer whether it keeps what attention gave; take it out",
        one
            [
                "model.checkpoint=auto"
                "train.memory_budget=2"
                "selective_checkpoint=true"
            ]
    )

    Assert.Contains(
        "must be a number from 0 to 1, or true or false, or \"auto\"",
        one [ "model.checkpoint=automatic" ]
    )

    Assert.Contains("must be greater than 0", one [ "model.checkpoint=auto"; "train.memory_budget=0" ])

[<Fact>]
let ``a run may go on with another memory`` () =
    let before =
        Config.print (withKeys [ "model.checkpoint=auto"; "train.memory_budget=1" ])

    Assert.Empty((withKeys [ "model.checkpoint=0.5" ]).MeaningDifferences before)
