namespace Evo.Core

/// `hybrid_zero_optimizer`: how gradients are brought together, and what is done to them before the optimizer sees them.
type HybridZeroOptimizerConfig =
    {
        [<Key("Whether gradients are summed over ranks while the backward pass goes on. On or off changes no number.",
              "true")>]
        OverlapSyncGrad: bool
        [<Key("Whether updated parameters are gathered while the next forward pass begins. On or off changes no number.",
              "true")>]
        OverlapSyncParam: bool
        [<Key("Elements of the gradient that are summed over ranks at once.", "536870912", Minimum = 1.0)>]
        ReduceBucketSize: int64
        [<Key("How gradients are summed where the optimizer's state is shared: each rank receives the sum of its share, or all of it as in InternEvo.",
              "\"reduce_scatter\"",
              Choices = "reduce_scatter|all_reduce")>]
        Reduce: string
        [<Key("Whether gradients are summed in the model's element type, in the buffer that backward passes write to. A step of one micro-batch on one rank loses nothing by it; several micro-batches or ranks round each sum to that type. Saves 4 bytes for each weight.",
              "false")>]
        NarrowSums: bool
        [<Key("Whether a bfloat16 weight is the upper half of its master weight, of which only the lower half is kept beside it. No bit of a master weight is lost. Saves 2 bytes for each weight.",
              "false")>]
        SplitMaster: bool
        [<Key("Largest norm of all gradients together; a longer gradient is scaled down to it. 0 switches clipping off; the norm is reported all the same.",
              "0",
              Minimum = 0.0)>]
        ClipGradNorm: float
    }

    /// Half a Gi of elements, as in InternEvo.
    static member UsualBucket = 512L * 1024L * 1024L

/// `grad_scaler`: what the loss is multiplied by so that small gradients do not vanish in float16, and how that is adapted.
type GradScalerConfig =
    {
        [<Key("The scale at the start.", "65536", Minimum = 0.0, Exclusive = true)>]
        InitialScale: float
        [<Key("The smallest scale.", "1", Minimum = 0.0, Exclusive = true)>]
        MinScale: float
        [<Key("The largest scale.", "16777216", Minimum = 0.0, Exclusive = true)>]
        MaxScale: float
        [<Key("Successful steps in a row after which the scale grows.", "1000", Minimum = 1.0)>]
        GrowthInterval: int64
        [<Key("What the scale is multiplied by when it grows.", "2", Minimum = 1.0)>]
        GrowthFactor: float
        [<Key("What the scale is multiplied by when a gradient was not finite.",
              "0.5",
              Minimum = 0.0,
              Maximum = 1.0)>]
        BackoffFactor: float
        [<Key("Steps without a finite gradient before the scale falls for the first time.", "2", Minimum = 1.0)>]
        Hysteresis: int
    }

    /// The scale and its rules where a configuration says nothing.
    static member Usual =
        {
            InitialScale = 65536.0
            MinScale = 1.0
            MaxScale = 16777216.0
            GrowthInterval = 1000L
            GrowthFactor = 2.0
            BackoffFactor = 0.5
            Hysteresis = 2
        }

/// `parallel.zero1`: over how many ranks the optimizer's state is shared.
type ZeroConfig =
    {
        [<Key("Number of ranks.", "-1")>]
        Size: int
    }

/// `parallel.tensor`: over how many ranks each layer is split, and how.
type TensorConfig =
    {
        [<Key("Number of ranks.", "1")>]
        Size: int
        [<Key("mtp splits matrices; msp and fsp split the sequence too, between the matrices or also in front of them; isp splits the sequence and gathers weights.",
              "\"mtp\"",
              Choices = "mtp|msp|fsp|isp")>]
        Mode: string
        [<Key("Whether gradients of weights are computed while those of inputs are summed over the ranks. On or off changes no number.",
              "true")>]
        Overlap: bool
    }

/// `parallel.pipeline`: into how many stages the layers are cut, and how micro-batches pass through them.
type PipelineConfig =
    {
        [<Key("Number of stages.", "1")>]
        Size: int
        [<Key("The schedule: 1F1B, one forward, one backward (interleaved with model.num_chunks above 1); ZBH1 and ZBV compute gradients of weights where the pipeline would wait, ZBV with two chunks on each stage.",
              "\"1F1B\"",
              Choices = "1F1B|ZBH1|ZBV")>]
        Mode: string
    }

/// `parallel.weight`: over how many ranks weights are spread in mode isp, and when they are gathered.
type WeightConfig =
    {
        [<Key("Number of ranks.", "1")>]
        Size: int
        [<Key("Whether weights are gathered while others are in use. On or off changes no number.", "true")>]
        Overlap: bool
        [<Key("Layers whose weights are gathered ahead of their use.", "1", Minimum = 0.0)>]
        Prefetch: int
    }

/// `parallel.expert`: over how many ranks experts are dealt out.
type ExpertConfig =
    {
        [<Key("Number of ranks.", "-1")>]
        Size: int
        [<Key("true: under mtp each expert is whole on its rank. false: it is split over the tensor ranks, as other matrices are. Other modes never split experts.",
              "false")>]
        NoTp: bool
    }

/// `parallel.fsdp`: whether parameters themselves are shared between their uses.
type FsdpConfig =
    {
        [<Key("Whether each rank keeps a share of the parameters, gathers them for use and frees them again.",
              "false")>]
        Enable: bool
        [<Key("Ranks that share them; -1 takes all data-parallel ranks.", "-1")>]
        Size: int
        [<Key("Layers whose parameters are gathered ahead of their use.", "1", Minimum = 0.0)>]
        Prefetch: int
    }

/// `parallel`: how a model is split over ranks. How many there are, the launcher says.
type ParallelConfig =
    {
        [<Key("Ranks that share the optimizer's state; -1 takes all that hold the same weights.", Bare = true)>]
        Zero1: ZeroConfig
        [<Key("Ranks that share each layer's matrices.", Bare = true)>]
        Tensor: TensorConfig
        [<Key("Stages that the layers are cut into.", Bare = true)>]
        Pipeline: PipelineConfig
        [<Key("Ranks that share the storage of weights.", Bare = true)>]
        Weight: WeightConfig
        [<Key("Ranks that share the experts; -1 takes as many as there are experts, or the most that suit.",
              Bare = true)>]
        Expert: ExpertConfig
        [<Key("Parameters shared between their uses.")>]
        Fsdp: FsdpConfig
    }
