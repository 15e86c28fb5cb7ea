namespace Evo.Core

open System.Numerics

/// What a run says about graphs of its passes (`train.cuda_graph`).
type GraphChoice =
    | Never
    /// Where nothing stands against it; what does is said once.
    | WherePossible
    /// A run in which something stands against it does not begin.
    | Required

    static member Parse(text: string) =
        match text with
        | "true" -> Required
        | "auto" -> WherePossible
        | _ -> Never

/// What decides, before the first pass, whether the passes of a run can be graphs: a graph is what one GPU was told to do, repeated without
/// asking the host.
type GraphFacts =
    {
        /// The model is on a GPU.
        OnGpu: bool
        /// The native library can record what a GPU is told.
        Built: bool
        /// Evo's kernels are used.
        Kernels: bool
        Experts: bool
        Stages: int
        Tensor: int
        Weight: int
        Fsdp: int
        /// Ranks talk by their processors.
        Gloo: bool
        /// Ranks that talk by their GPUs can tell one another by their processors how long a tensor is.
        Announced: bool
    }

    /// Everything that stands against graphs, each with its key; empty where nothing does.
    member facts.Refusals =
        [
            if not facts.OnGpu then
                "train.device: the run computes on the processor, which nobody has to tell what to do ahead of time"
            elif not facts.Built then
                "libevo_torch.so was built without CUDA's headers, or for a libtorch before 2.6"

            if not facts.Kernels then
                "kernels = plain: plain attention looks at where sequences begin"

            if facts.Experts then
                "the model has experts: how many tokens each of them gets is counted by the host in every layer"

            if facts.Stages > 1 then
                $"parallel.pipeline.size = {facts.Stages}: the host waits for other stages between passes"

            if facts.Tensor > 1 && not facts.Announced then
                $"parallel.tensor.size = {facts.Tensor}: this libtorch has no Gloo, so the host reads from the GPU how long what others send is"

            if facts.Weight > 1 then
                $"parallel.weight.size = {facts.Weight}: ranks with other rows, whose passes may be no graphs, gather weights in the middle of a pass"

            if facts.Fsdp > 1 then
                $"parallel.fsdp.size = {facts.Fsdp}: ranks with other rows, whose passes may be no graphs, gather weights in the middle of a pass"

            if facts.Gloo then
                "train.backend = gloo: the host carries what ranks say"
        ]

/// Passes that can share a graph: a graph has the shapes that it was recorded with.
[<Struct>]
type GraphKey =
    {
        /// Of the row.
        Tokens: int
        /// That the longest sequence may have.
        Longest: int
        /// Places for sequences; those that a row has no sequence for are empty ones at its end.
        Sequences: int
        /// Ranks sum the step's gradients in it: its last pass.
        Sums: bool
    }

    /// The key of a row, of which there are few: sequences are as long as one of the run's may be or as the whole row, and their places a
    /// power of two.
    static member Of(tokens, longest, sequences, usual) =
        {
            Tokens = tokens
            Longest =
                if longest <= min usual tokens then
                    min usual tokens
                else
                    tokens
            Sequences = max 8 (int (BitOperations.RoundUpToPowerOf2(uint32 sequences)))
            Sums = false
        }

    /// The key of a pass over the same row.
    /// <param name="sums">Whether ranks sum gradients in it.</param>
    member key.Summing(sums: bool) =
        {
            Tokens = key.Tokens
            Longest = key.Longest
            Sequences = key.Sequences
            Sums = sums
        }

    /// The borders of a row's sequences with those of empty ones behind them.
    member key.Padded(borders: int array) =
        Array.append borders (Array.create (key.Sequences + 1 - borders.Length) key.Tokens)

/// What is done with a pass.
[<RequireQualifiedAccess>]
type GraphStep =
    /// Run as if there were no graphs.
    | Eager
    /// Run on the memory that the graph will read from: what is made once is made now, and what cannot be recorded shows.
    | Warm
    /// Recorded, which computes nothing, then replayed.
    | Capture
    | Replay

    /// For C#, which must say what it does of each.
    member step.Match(eager, warm, capture, replay) =
        match step with
        | Eager -> eager
        | Warm -> warm
        | Capture -> capture
        | Replay -> replay

/// Where a key stands.
type private GraphStage =
    | Warming of left: int
    | Captured
    | Refused of why: string

/// Which passes are recorded, and which replayed: a value, which is asked before each pass and told what was seen in it.
type PassGraphs =
    private
        {
            Keys: Map<GraphKey, GraphStage>
            Said: Set<string>
            Most: int
            WarmPasses: int
            StableUpTo: int64
        }

    /// <param name="most">Shapes of rows whose graphs are kept: each holds the memory that its pass takes.</param>
    /// <param name="warmPasses">Passes of a key before it is recorded, at least 1.</param>
    /// <param name="stableUpTo">Tokens up to which a position's angle is the same in all sequences (dynamic rotary scaling).</param>
    static member Start(most: int, warmPasses: int, stableUpTo: int64) =
        {
            Keys = Map.empty
            Said = Set.empty
            Most = most
            WarmPasses = max 1 warmPasses
            StableUpTo = stableUpTo
        }

    /// What is done with the next pass of a key, why it is eager where that was not said yet (else empty), and what to ask next.
    member graphs.Next(key: GraphKey) : struct (GraphStep * string * PassGraphs) =
        let known =
            match Map.tryFind key graphs.Keys with
            | Some stage -> stage
            | None when int64 key.Longest > graphs.StableUpTo ->
                Refused
                    $"angles of positions depend on the longest sequence of each row beyond {graphs.StableUpTo} tokens (dynamic rotary scaling)"
            | None when graphs.KeptBeside key >= graphs.Most ->
                Refused
                    $"rows have more than {graphs.Most} shapes, of which each needs a graph with memory of its own; this one has {key.Tokens} tokens in up to {key.Sequences} sequences"
            | None -> Warming graphs.WarmPasses

        let at stage =
            { graphs with
                Keys = Map.add key stage graphs.Keys
            }

        match known with
        | Refused why when graphs.Said.Contains why -> GraphStep.Eager, "", at known
        | Refused why ->
            GraphStep.Eager,
            why,
            { at known with
                Said = graphs.Said.Add why
            }
        | Captured -> GraphStep.Replay, "", graphs
        | Warming 0 -> GraphStep.Capture, "", at Captured
        | Warming left -> GraphStep.Warm, "", at (Warming(left - 1))

    /// A warm pass of a key is over, in which the host read values of tensors.
    member graphs.Warmed(key: GraphKey, reads: int64) =
        if reads > 0L then
            graphs.Failed(
                key,
                $"the host reads {reads} values of tensors in the pass, as plain attention does (of heads of more than 256 numbers)"
            )
        else
            graphs

    /// A key cannot be recorded: its passes are eager from now on.
    member graphs.Failed(key: GraphKey, why: string) =
        { graphs with
            Keys = Map.add key (Refused why) graphs.Keys
        }

    /// Whether the passes of a key are eager from now on.
    member graphs.IsRefused(key: GraphKey) =
        match Map.tryFind key graphs.Keys with
        | Some(Refused _) -> true
        | _ -> false

    // Shapes of other rows that have a graph or will have one.
    member private graphs.KeptBeside(key: GraphKey) =
        graphs.Keys
        |> Seq.filter (fun known ->
            match known.Value with
            | Refused _ -> false
            | _ -> true)
        |> Seq.map _.Key.Summing(false)
        |> Seq.filter ((<>) (key.Summing false))
        |> Seq.distinct
        |> Seq.length
