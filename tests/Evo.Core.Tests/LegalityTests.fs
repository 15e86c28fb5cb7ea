module Evo.Core.Tests.LegalityTests

open System
open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Tests.Meshes
open Evo.Core.Tests.Properties

[<Fact>]
let ``everything that stands against a layout is said at once`` () =
    let layout =
        { on
              { Degrees.Single with
                  World = 32
                  Mode = TensorMode.Msp
                  Tensor = 8
                  Weight = 2
                  Pipeline = 2
                  Zero = 3
                  Expert = 2
              } with
            Schedule = PipelineMode.ZeroBubbleV
            Chunks = 3
            MicroBatches = 3
            Selective = true
        }

    Assert.Equal<string list>(
        [
            "parallel.weight.size = 2: needs parallel.tensor.mode \"isp\"; in mode msp every rank holds its own weights; set the mode, or use 1"
            "parallel.zero1.size = 3: does not divide the 2 data-parallel ranks; use 1, 2 or -1"
            "parallel.tensor.size = 8: 6 heads do not split 8 ways; use 1, 2, 3 or 6"
            "parallel.tensor.size = 8: mode msp deals out the tokens of a row, and 20 (data.seq_len x data.micro_bsz) do not split 8 ways; use 1, 2, 4 or 5"
            "parallel.expert.size = 2: the model has no experts; use 1"
            "parallel.pipeline.size = 2: its layers hand on two values; use 1"
            "parallel.pipeline.size = 2: 2 stages of 3 chunks need at least 6 layers, and the model has 4; use at most 1"
            "model.num_chunks = 3: the schedule \"ZBV\" has two chunks on a stage; use 2"
            "data.micro_num = 3: the schedule \"ZBV\" needs at least 4 micro-batches on 2 stages; use 4 or more"
            "selective_checkpoint = true: has no effect: no layer is recomputed; set model.checkpoint above 0, or take it out"
        ],
        said stubborn layout
    )

let private isp =
    { Degrees.Single with
        World = 8
        Mode = TensorMode.Isp
        Tensor = 2
        Weight = 2
    }

/// A layout, and the one thing that stands against it.
let private single: (Layout * string) list =
    let plain = { Degrees.Single with World = 8 }

    let piped schedule chunks micro =
        { on { plain with Pipeline = 4 } with
            Schedule = schedule
            Chunks = chunks
            MicroBatches = micro
        }

    [
        on { plain with Pipeline = 3 },
        "parallel.pipeline.size = 3: does not divide the world of 8 ranks; use 1, 2, 4 or 8"
        on { plain with Tensor = 3 },
        "parallel.tensor.size = 3: does not divide the 8 ranks of a stage; use 1, 2, 4 or 8"
        on { plain with Pipeline = 2; Tensor = 8 },
        "parallel.tensor.size = 8: does not divide the 4 ranks of a stage; use 1, 2 or 4"
        on { isp with Weight = 3 },
        "parallel.weight.size = 3: does not divide the 8 ranks of a stage; use 1, 2, 4 or 8"
        on { isp with Zero = 8 },
        "parallel.zero1.size = 8: does not divide the 4 ranks that hold the same weights (weight-data); use 1, 2, 4 or -1"
        on { plain with Zero = 0 },
        "parallel.zero1.size = 0: must be at least 1, or -1 for all data-parallel ranks"
        on { plain with Zero = -2 },
        "parallel.zero1.size = -2: must be at least 1, or -1 for all data-parallel ranks"
        on { plain with Expert = 8 },
        "parallel.expert.size = 8: does not divide the model's 12 experts; use 1, 2, 3, 4, 6 or 12"
        on { plain with Expert = 3 },
        "parallel.expert.size = 3: experts do not deal out evenly over the 8 ranks of a stage; use 1, 2, 4 or 8"
        on
            { plain with
                World = 16
                Tensor = 4
                Expert = 3
            },
        "parallel.expert.size = 3: experts do not deal out evenly over the 16 ranks of a stage, each expert on 4; use 1, 2 or 4"
        on { plain with Fsdp = 3 },
        "parallel.fsdp.size = 3: does not divide the 8 data-parallel ranks; use 1, 2, 4, 8 or -1"
        on { plain with Fsdp = 2; Pipeline = 2 },
        "parallel.fsdp.size = 2: parameters are not shared within the 2 stages of a pipeline; set parallel.fsdp.enable to false, or parallel.pipeline.size to 1"
        on { plain with Fsdp = 2; Zero = 4 },
        "parallel.zero1.size = 4: the optimizer's state is shared already, with the parameters (parallel.fsdp); use -1 or 1, or set parallel.fsdp.enable to false"
        on { isp with Fsdp = 2 },
        "parallel.fsdp.size = 2: mode isp shares parameters already, over parallel.weight.size ranks; set parallel.fsdp.enable to false, or another parallel.tensor.mode"
        { on { plain with Fsdp = 8 } with
            Reduction = GradientReduction.AllReduce
        },
        "hybrid_zero_optimizer.reduce = \"all_reduce\": each rank keeps its share of the parameters only (parallel.fsdp); use \"reduce_scatter\""
        piped PipelineMode.OneForwardOneBackward 2 6,
        "data.micro_num = 6: interleaved chunks need micro-batches in multiples of the 4 stages; use 4 or 8"
        piped PipelineMode.OneForwardOneBackward 2 2,
        "data.micro_num = 2: interleaved chunks need micro-batches in multiples of the 4 stages; use 4"
        piped PipelineMode.ZeroBubbleH1 2 8,
        "model.num_chunks = 2: the schedule \"ZBH1\" has one chunk on a stage; use 1, or the schedule \"ZBV\" with 2"
        piped PipelineMode.ZeroBubbleV 2 7,
        "data.micro_num = 7: the schedule \"ZBV\" needs at least 8 micro-batches on 4 stages; use 8 or more"
        piped PipelineMode.ZeroBubbleV 1 8,
        "model.num_chunks = 1: the schedule \"ZBV\" has two chunks on a stage; use 2"
        { on plain with
            Schedule = PipelineMode.ZeroBubbleH1
        },
        "parallel.pipeline.mode = \"ZBH1\": has no effect on one stage; use \"1F1B\", or a parallel.pipeline.size above 1"
        { on plain with Chunks = 2 },
        "model.num_chunks = 2: has no effect on one stage; use 1, or a parallel.pipeline.size above 1"
        { on plain with MicroBatches = 0 }, "data.micro_num = 0: must be at least 1"
        { on plain with Recompute = 1.5 }, "model.checkpoint = 1.5: must be from 0 to 1"
    ]

[<Fact>]
let ``each rule is said in its own words, with what would be right`` () =
    for layout, expected in single do
        Assert.Equal<string list>([ expected ], said willing layout)

[<Fact>]
let ``a mesh can be built exactly where no rule speaks against its degrees`` () =
    // Degrees that are nearly right: every size up to 6 for every setting.
    let any =
        gen {
            let size = Gen.choose (1, 6)
            let! mode = Gen.elements [ TensorMode.Mtp; TensorMode.Isp ]
            let! world = Gen.elements [ 4; 6; 8; 12 ]
            let! tensor, weight, pipeline = Gen.zip3 size size size
            let! zero, expert, fsdp = Gen.zip3 (Gen.choose (-1, 6)) size size
            let! noTp = Gen.elements [ false; true ]

            return
                {
                    World = world
                    Mode = mode
                    Tensor = tensor
                    Weight = weight
                    Pipeline = pipeline
                    Zero = zero
                    Expert = expert
                    NoTp = noTp
                    Fsdp = fsdp
                }
        }

    law any noShrink (fun degrees ->
        let divides part whole = whole % part = 0

        let right =
            let isp = degrees.Mode = TensorMode.Isp
            let etp = if isp || degrees.NoTp then 1 else degrees.Tensor

            divides degrees.Pipeline degrees.World
            && divides (degrees.Pipeline * degrees.Tensor) degrees.World
            && (degrees.Weight = 1 || isp)
            && divides (degrees.Pipeline * degrees.Weight) degrees.World
            && divides (degrees.Pipeline * etp * degrees.Expert) degrees.World
            && degrees.Zero <> 0
            && (degrees.Fsdp = 1 || (degrees.Pipeline = 1 && not isp && degrees.Zero <= 1))
            && divides degrees.Fsdp degrees.Data
            && (degrees.Zero = -1
                || divides degrees.Zero (if isp then degrees.WeightData else degrees.Data))

        let built =
            try
                Topology degrees |> ignore
                true
            with :? ArgumentException ->
                false

        built =? right)
