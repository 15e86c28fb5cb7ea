namespace Evo.Core

open System
open System.Text.Json.Nodes

/// `model`: the precision and memory of the model, and where its record is; the family's own keys stand in the same section.
type ModelConfig =
    {
        [<Key("Element type that the model computes in. Optimizer state and master weights are float32 (float64 for float64).",
              "\"float32\"",
              Choices = "float32|bfloat16|float16|float64")>]
        Dtype: string
        [<Key("Fraction of the layers, counted from the first, whose activations are recomputed in the backward pass instead of being kept. true is 1, false is 0. auto chooses for each layer what is kept, so that the fewest operations are done again that fit the memory.",
              "0",
              Fraction = true,
              Choices = "auto",
              Minimum = 0.0,
              Maximum = 1.0)>]
        Checkpoint: Checkpointed
        [<Key("Pieces of the model that each stage of a pipeline holds: above 1 the schedule 1F1B is interleaved; ZBV has 2 without being told.",
              "1",
              Minimum = 1.0)>]
        NumChunks: int
        [<Key("Assembly that holds the record that model_type names: a .dll, or a .csproj, which is built. Relative to this file. Unset: a family of Evo's.",
              "null")>]
        Assembly: string | null
        /// The family's own keys that were given, as one JSON object on one line; a family fills in the rest.
        Family: string
    }

    /// The family's own keys, as the model's family reads them.
    member model.FamilyKeys: JsonObject =
        match JsonNode.Parse model.Family with
        | :? JsonObject as keys -> keys
        | _ -> JsonObject()

    /// The element type that the model computes in.
    member model.ElementType =
        match model.Dtype with
        | "bfloat16" -> DType.BF16
        | "float16" -> DType.F16
        | "float64" -> DType.F64
        | _ -> DType.F32

/// `data`: what is read, and how much of it a step takes.
type DataConfig =
    {
        [<Key("Kind of training data: tokenized or megatron, token files in InternEvo's layout (.bin and .meta) or Megatron's (.bin and .idx), whichever is found; streaming, text that is tokenized while it is read; mocked, the very rows that another run has stored; dummy, made-up documents.",
              "\"tokenized\"",
              Choices = "tokenized|megatron|streaming|mocked|dummy")>]
        Type: string
        [<Key("Folder of the data to train on, searched with its sub-folders, each of which is a type of its own. Not needed where `prepare` makes it.",
              "null")>]
        TrainFolder: string | null
        [<Key("Sources of the training data and their shares, such as [\"0.7 en\", \"0.3 books=/data/b\"]: a weight, perhaps a name, and a folder or file, relative to train_folder. After any number of rows each source has given its share to within one row. Empty: all of train_folder, each row once an epoch.",
              "[]")>]
        Mixture: string list
        [<Key("How documents become rows: best_fit puts each whole into the row where it fits best; cut lays them one after the other and cuts, as InternEvo does; unpacked puts one, cut off after seq_len, into each sequence. Unset: best_fit, but cut where pack_sample_into_one or order \"internevo\" asks for InternEvo's rows.",
              "null",
              Choices = "best_fit|cut|unpacked")>]
        Packing: string | null
        [<Key("Order of documents and rows: evo, a function of (seed, step) that no table holds; internevo, the very order in which InternEvo reads the same files, whose data.seed is then the key seed.",
              "\"evo\"",
              Choices = "evo|internevo")>]
        Order: string
        [<Key("Folder of token files held out for validation. Not needed where `prepare` makes it.", "null")>]
        ValidFolder: string | null
        [<Key("The tokenizer: a sentencepiece .model file, a tokenizer.json, a tiktoken file, or a folder with one. It travels with every checkpoint, and is needed to show samples.",
              "null")>]
        TokenizerPath: string | null
        [<Key("Longest sequence, in tokens.", Minimum = 1.0)>]
        SeqLen: int
        [<Key("Sequences in one micro-batch. A row holds seq_len x micro_bsz tokens.", "1", Minimum = 1.0)>]
        MicroBsz: int
        [<Key("Micro-batches (rows) in one optimizer step: the number of gradient accumulations.",
              "1",
              Minimum = 1.0)>]
        MicroNum: int
        [<Key("Rows of one optimizer step over all data-parallel ranks, in the place of micro_num on each of them: then the ranks make no difference to a step. Must be a multiple of their number. Unset: micro_num on each rank.",
              "null",
              Minimum = 1.0)>]
        RowsPerStep: Nullable<int>
        [<Key("How the number of micro-batches rises to micro_num: \"start incr every\" begins with start and adds incr each time that every batches have passed. Empty: it does not.",
              "\"\"")>]
        RampupBatchSize: string
        [<Key("Batches to train on; one optimizer step each, unless a batch is skipped.", Minimum = 1.0)>]
        TotalSteps: int64
        [<Key("Steps between two validations; 0 validates never during the run.", "0", Minimum = 0.0)>]
        ValidEvery: int64
        [<Key("Most rows of each set of validation data that one validation reads; 0 reads all.",
              "0",
              Minimum = 0.0)>]
        ValidRows: int64
        [<Key("Documents with fewer tokens are left out.", "0", Minimum = 0.0)>]
        MinLength: int
        [<Key("Other least lengths for some files, such as [\"100 code/\"]: a number, and what the file's path in its folder must contain.",
              "[]")>]
        MinLengths: string list
        [<Key("true: rows ignore the boundaries of documents, and attention crosses them. false: a token sees its own document only, and positions restart with each.",
              "false")>]
        PackSampleIntoOne: bool
        [<Key("Batches, numbered from 0, that are read past without training on them: numbers and ranges, such as \"1-3,7\".",
              "\"\"")>]
        SkipBatches: string
        [<Key("Field that holds the text, of streaming data.", "\"text\"")>]
        ContentName: string
        [<Key("Threads that tokenize streaming data; 0 takes every core. The rows are the same for any number.",
              "0",
              Minimum = 0.0)>]
        NumWorker: int
        [<Key("Whether every document of dummy data fills a sequence.", "true")>]
        FixedRandomDatasetSeqlen: bool
    }

    /// How documents become rows, where the configuration leaves it open too: "best_fit", "cut" or "unpacked".
    member data.RowPacking =
        match data.Packing with
        | null when data.PackSampleIntoOne || data.Order = "internevo" -> "cut"
        | null -> "best_fit"
        | packing -> packing

    /// Tokens in one row: `seq_len` x `micro_bsz`.
    member data.RowTokens = data.SeqLen * data.MicroBsz

/// `adam`: the optimizer, AdamW with decoupled weight decay.
type AdamConfig =
    {
        [<Key("Learning rate at the end of the warm-up.", "1e-4", Minimum = 0.0)>]
        Lr: float
        [<Key("Decay of the running mean of gradients.", "0.9", Minimum = 0.0, Maximum = 1.0)>]
        AdamBeta1: float
        [<Key("Decay of the running mean of squared gradients.", "0.95", Minimum = 0.0, Maximum = 1.0)>]
        AdamBeta2: float
        [<Key("Exponent c of the beta2 schedule max(beta2, 1 - t^-c); 0 keeps beta2 constant.",
              "0",
              Minimum = 0.0)>]
        AdamBeta2C: float
        [<Key("Added to the root of the running mean of squares.", "1e-8", Minimum = 0.0)>]
        AdamEps: float
        [<Key("Decoupled weight decay, multiplied by the learning rate.", "0.01", Minimum = 0.0)>]
        WeightDecay: float
        [<Key("true: norm weights and biases decay like all others, as InternEvo does. false: they do not decay.",
              "true")>]
        DecayNormsAndBiases: bool
    }

/// `lr_scheduler`: the learning rate over the run. It advances on successful steps only.
type LrSchedulerConfig =
    {
        [<Key("Shape after the warm-up: cosine falls to eta_min along half a cosine, linear in a straight line, constant stays.",
              "\"cosine\"",
              Choices = "cosine|linear|constant")>]
        Type: string
        [<Key("Steps that the schedule spans; unset: data.total_steps.", "null", Minimum = 1.0)>]
        TotalSteps: Nullable<int64>
        [<Key("Steps at the start with a learning rate of 0.", "0", Minimum = 0.0)>]
        InitSteps: int64
        [<Key("Part of total_steps, rounded down, in which the learning rate rises in a straight line.",
              "0.01",
              Minimum = 0.0,
              Maximum = 1.0)>]
        WarmupRatio: float
        [<Key("Learning rate at the end of the schedule.", "1e-5", Minimum = 0.0)>]
        EtaMin: float
    }

/// `beta2_scheduler`: beta2 over the run; unset keys take the values of `adam`.
type Beta2SchedulerConfig =
    {
        [<Key("Smallest beta2; unset: adam.adam_beta2.", "null", Minimum = 0.0, Maximum = 1.0)>]
        InitBeta2: Nullable<float>
        [<Key("Exponent c of max(init_beta2, 1 - t^-c); unset: adam.adam_beta2_c.", "null", Minimum = 0.0)>]
        C: Nullable<float>
        [<Key("Iteration before the first step.", "-1", Minimum = -1.0)>]
        CurIter: int64
    }

/// `loss`: what is minimised, the cross-entropy of the next token.
type LossConfig =
    {
        [<Key("Part of the target probability that is spread evenly over the vocabulary.",
              "0",
              Minimum = 0.0,
              Maximum = 1.0)>]
        LabelSmoothing: float
        [<Key("What the z-loss of the output head, the square of the logarithm of the softmax's denominator at each label, is multiplied by before it is added to the cross-entropy; 0 leaves it out.",
              "0",
              Minimum = 0.0)>]
        ZLossCoeff: float
        [<Key("What the balance loss of a model's routers is multiplied by before it is added to the cross-entropy; 0 leaves it out. Models without experts have none.",
              "1",
              Minimum = 0.0)>]
        MoeLossCoeff: float
        [<Key("The same for the routers' z-loss, the mean square of the logarithm of their denominators.",
              "0",
              Minimum = 0.0)>]
        MoeZLossCoeff: float
    }

/// `ckpt.load_ckpt_info`: a checkpoint to start from when the run has none of its own.
type LoadCkptInfoConfig =
    {
        [<Key("Folder of the checkpoint; of InternEvo's and of a Hugging Face model with content [\"model\"].",
              "null")>]
        Path: string | null
        [<Key("What to take from it: all, or model, optimizer, scheduler, sampler.",
              "[\"all\"]",
              Choices = "all|model|optimizer|scheduler|sampler")>]
        Content: string list
        [<Key("How the checkpoint is laid out: evo, a checkpoint of a run; hf, a Hugging Face folder; internevo, one step's folder of InternEvo's, saved on any number of ranks. Of the last two only the model can be taken.",
              "\"evo\"",
              Choices = "evo|hf|internevo")>]
        CkptType: string
        [<Key("Whether rows of queries and keys lie in pairs in InternEvo's checkpoint. Unset: as its model_config.pt says, or, where it says nothing, the family's usual in the version that wrote it.",
              "null")>]
        QkInterleaved: Nullable<bool>
    }

/// `ckpt`: what is kept of a run, and what it starts from.
type CkptConfig =
    {
        [<Key("Whether checkpoints are saved.", "true")>]
        EnableSaveCkpt: bool
        [<Key("Folder of the run's checkpoints, one sub-folder for each step, or a place in an object store (s3://bucket/prefix); unset: checkpoints in the run folder.",
              "null")>]
        SaveCkptFolder: string | null
        [<Key("Successful steps between two checkpoints; 0 saves only at the end and when the run is stopped.",
              "0",
              Minimum = 0.0)>]
        CheckpointEvery: int64
        [<Key("Newest checkpoints kept; older ones are removed after a successful save. 0 keeps all.",
              "0",
              Minimum = 0.0)>]
        KeepLast: int
        [<Key("Of the checkpoints that keep_last would remove, the first at or after each multiple of so many steps is kept. 0 keeps none of them.",
              "0",
              Minimum = 0.0)>]
        KeepEvery: int64
        [<Key("Successful steps between two snapshots: checkpoints in the folder snapshot beside the others, of which only the newest two are kept. A step that has a checkpoint takes no snapshot. 0 takes none.",
              "0",
              Minimum = 0.0)>]
        SnapshotEvery: int64
        [<Key("A file that the first rank makes with 0 in it and reads after each step. With N in it the run is saved and stopped after step N, or at once where that is past; with -N it is saved after step N and goes on.",
              "null")>]
        StopFilePath: string | null
        [<Key("Whether training goes on while a checkpoint is written: it waits only until the state is copied. false waits until the checkpoint is safe on the disk.",
              "true")>]
        AsyncSave: bool
        [<Key("Continue from the newest valid checkpoint in save_ckpt_folder when there is one.", "true")>]
        AutoResume: bool
        [<Key("Keys and sections that may differ from those of the checkpoint that the run continues, such as [\"adam.lr\"]: it goes on with the new ones. Others that decide what is computed must stay.",
              "[]")>]
        ResumeChanges: string list
        [<Key("Another checkpoint to start from.")>]
        LoadCkptInfo: LoadCkptInfoConfig
    }

/// One run, checked: everything that it depends on. Made by `Config.load`, or from C# by `RunConfig.Parse`.
type RunConfig =
    {
        [<Key("Name of the run; its folder and messages carry it.",
              "\"anonymous\"",
              Rule = "letters, digits, '.', '-' and '_'")>]
        JobName: string
        [<Key("Every random choice of the run is a function of this number.", "1024", Minimum = 0.0)>]
        Seed: int64
        [<Key("Family of the model.")>]
        ModelType: string
        [<Key("Folder of the run: its configuration, metrics and checkpoints; unset: runs/<job_name>.", "null")>]
        RunFolder: string | null
        [<Key("The model.")>]
        Model: ModelConfig
        [<Key("What is read, and how much of it a step takes.")>]
        Data: DataConfig
        [<Key("The optimizer, AdamW.")>]
        Adam: AdamConfig
        [<Key("The learning rate over the run.")>]
        LrScheduler: LrSchedulerConfig
        [<Key("Adam's beta2 over the run.")>]
        Beta2Scheduler: Beta2SchedulerConfig
        [<Key("What is done to gradients before the optimizer sees them.")>]
        HybridZeroOptimizer: HybridZeroOptimizerConfig
        [<Key("Element type in which gradients are summed over ranks: model.dtype, or float32. Unset: model.dtype.",
              "null",
              Choices = "float32|bfloat16|float16|float64")>]
        ReduceCommDtype: string | null
        [<Key("The scale of the loss in float16. In other element types it stays 1.")>]
        GradScaler: GradScalerConfig
        [<Key("Whether layers whose activations are recomputed keep what their attention gave. Where model.checkpoint is auto, that is chosen for each layer.",
              "false")>]
        SelectiveCheckpoint: bool
        [<Key("Operators: our own, or libtorch's plain ones.", "\"native\"", Choices = "native|plain")>]
        Kernels: string
        [<Key("What is minimised: the cross-entropy of the next token.")>]
        Loss: LossConfig
        [<Key("What is kept of a run, and what it starts from.")>]
        Ckpt: CkptConfig
        [<Key("Where and how the run computes, and what it shows.")>]
        Train: TrainConfig
        [<Key("Makes token files and tokenizer on first use.")>]
        Prepare: PrepareConfig
        [<Key("Whether the run writes event files for TensorBoard.", "true")>]
        EnableTb: bool
        [<Key("Folder of TensorBoard's event files; unset: tensorboards in the run folder.", "null")>]
        TensorboardFolder: string | null
        [<Key("What watches the run while nobody does.")>]
        Monitor: MonitorConfig
        [<Key("How a model is split over the ranks of a run (docs/launch.md starts them, docs/topology.md places them).")>]
        Parallel: ParallelConfig
    }

    /// Folder of the run, relative to the working directory unless the configuration gives a full path.
    member run.Folder =
        match run.RunFolder with
        | null -> "runs/" + run.JobName
        | folder -> folder

    /// Folder of the run's checkpoints.
    member run.CheckpointFolder =
        match run.Ckpt.SaveCkptFolder with
        | null -> run.Folder + "/checkpoints"
        | folder -> folder

    /// Folder of TensorBoard's event files.
    member run.EventFolder =
        match run.TensorboardFolder with
        | null -> run.Folder + "/tensorboards"
        | folder -> folder

    /// Folder that receives what `prepare` makes.
    member run.PrepareFolder =
        match run.Prepare.Folder with
        | null -> "data/" + run.JobName
        | folder -> folder
