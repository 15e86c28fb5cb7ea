/// Models at layouts that together use every part of the runtime: where mistakes are made on purpose.
module Evo.Parity.Tests.RuntimeGrounds

open System
open Evo.Models
open Evo.Parallel
open Evo.Core

/// A model at a layout, and what one device makes of its steps.
type Ground =
    {
        Name: string
        Spec: CausalLM
        Layout: Layout
        Batch: LayoutBatch
        BucketElements: int64
        Serial: LayoutFigures
    }

let private single = Layout.Single
let private one = Degrees.Single

let private spread =
    { one with
        World = 4
        Tensor = 2
        Zero = 2
    }

let private layouts: (string * int64 * Layout) list =
    [
        // Tensor and data ranks, the optimizer's state over pairs, several buckets, then one.
        "LLAMA2",
        2000L,
        { single with
            Degrees = spread
            MicroBatches = 2
        }
        "LLAMA2",
        1000000L,
        { single with
            Degrees = spread
            MicroBatches = 2
        }
        // Owners and replicas of a share, in both ways to reduce.
        "LLAMA2",
        2000L,
        { single with
            Degrees = { one with World = 4; Zero = 2 }
            MicroBatches = 2
        }
        "GPT2",
        2000L,
        { single with
            Degrees = { one with World = 4; Zero = 2 }
            MicroBatches = 2
            Reduction = GradientReduction.AllReduce
        }
        // A tied table on two ranks, and twice on one.
        "GEMMA",
        2000L,
        { single with
            Degrees =
                { one with
                    World = 4
                    Pipeline = 2
                    Zero = 2
                }
            MicroBatches = 2
        }
        "GPT2",
        2000L,
        { single with
            Degrees = { one with World = 2; Pipeline = 2 }
            Schedule = PipelineMode.ZeroBubbleV
            Chunks = 2
            MicroBatches = 4
        }
        // Fully sharded over all, and over half of the replicas.
        "LLAMA2",
        2000L,
        { single with
            Degrees = { one with World = 2; Fsdp = 2 }
            MicroBatches = 2
        }
        "GPT2",
        2000L,
        { single with
            Degrees = { one with World = 4; Fsdp = 2 }
            MicroBatches = 2
        }
        // Shares of weights over the ranks of a sequence.
        "LLAMA2",
        2000L,
        { single with
            Degrees =
                { one with
                    World = 4
                    Mode = TensorMode.Isp
                    Tensor = 2
                    Weight = 2
                    Zero = 2
                }
            MicroBatches = 2
        }
        // The ranks that hold the same share are others than those that read other rows.
        "LLAMA2",
        2000L,
        { single with
            Degrees =
                { one with
                    World = 4
                    Mode = TensorMode.Isp
                    Tensor = 2
                    Weight = 4
                }
            MicroBatches = 2
        }
        // Experts over data ranks, in stages and across tensor ranks.
        "MIXTRALMOE",
        2000L,
        { single with
            Degrees =
                { one with
                    World = 4
                    Pipeline = 2
                    Expert = 2
                    Zero = 2
                }
            Schedule = PipelineMode.ZeroBubbleH1
            MicroBatches = 2
        }
        "MIXTRALMOE",
        2000L,
        { single with
            Degrees =
                { one with
                    World = 4
                    Tensor = 2
                    Expert = 2
                    Zero = 2
                }
            MicroBatches = 2
        }
        // Experts with replicas: two of each on four data ranks.
        "MIXTRALMOE",
        2000L,
        { single with
            Degrees =
                { one with
                    World = 4
                    Expert = 2
                    Zero = 2
                }
            MicroBatches = 2
        }
        // Every axis at once.
        "LLAMA2",
        2000L,
        { single with
            Degrees =
                { one with
                    World = 8
                    Tensor = 2
                    Pipeline = 2
                    Zero = 2
                }
            MicroBatches = 2
        }
    ]

/// The grounds; made once.
let all =
    lazy
        [|
            for name, bucket, layout in layouts do
                let spec = Layouts.ofFamily name

                if not (Legality.isLegal (LayoutFacts.Of(spec, Layouts.length)) layout) then
                    invalidOp $"{name} does not allow {layout}"

                let batch, serial = Layouts.Reference(spec).Of layout

                {
                    Name = $"{name}, {layout}"
                    Spec = spec
                    Layout = layout
                    Batch = batch
                    BucketElements = bucket
                    Serial = serial
                }
        |]

/// How long a rank of a mistaken run may wait.
let limit = TimeSpan.FromSeconds 30.0
