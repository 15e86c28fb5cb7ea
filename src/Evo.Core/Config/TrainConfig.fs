namespace Evo.Core

open System

/// `train`: where and how the run computes, and what it shows.
type TrainConfig =
    {
        [<Key("Where to compute. auto takes a GPU where libtorch finds one, else the CPU.",
              "\"auto\"",
              Choices = "auto|cpu|cuda")>]
        Device: string
        [<Key("What the processes of a run talk through: gloo on CPUs, nccl with a GPU each. auto takes nccl where the device is a GPU, else gloo; one process talks to nobody.",
              "\"auto\"",
              Choices = "auto|gloo|nccl")>]
        Backend: string
        [<Key("Seconds that a rank waits for the others in one collective, before it gives up and names those that did not come.",
              "600",
              Minimum = 1.0)>]
        Timeout: int
        [<Key("Memory that each rank may take, in GiB (2^30 bytes), where model.checkpoint is auto. Unset: nine tenths of a GPU's memory; on a CPU it must be given.",
              "null",
              Minimum = 0.0,
              Exclusive = true)>]
        MemoryBudget: Nullable<float>
        [<Key("Threads of the CPU; 0 takes every core.", "0", Minimum = 0.0)>]
        Threads: int
        [<Key("Use only operators whose result does not vary from run to run; an operator without such a form is an error.",
              "false")>]
        Deterministic: bool
        [<Key("Whether forward and backward of a micro-batch are recorded on a GPU once for each shape (a CUDA graph) and replayed, so that the GPU does not wait to be told each operator. auto does so where nothing stands against it and says once what does; true refuses to begin where something does. It costs the memory of a pass for each shape.",
              "false",
              Choices = "false|true|auto")>]
        CudaGraph: string
        [<Key("Steps between two printed reports; metrics.jsonl holds every step.", "1", Minimum = 1.0)>]
        LogEvery: int64
        [<Key("Steps in a row with a gradient that is not finite, after which the run gives up.",
              "10",
              Minimum = 1.0)>]
        MaxSkippedSteps: int
        [<Key("Beginning of the text that the model continues at the end of the run; unset: no sample.",
              "null")>]
        SamplePrompt: string | null
        [<Key("Most tokens of the sample.", "64", Minimum = 1.0)>]
        SampleTokens: int
    }
