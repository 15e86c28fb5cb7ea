namespace Evo.Core

open System

/// How the work of a pipeline is ordered.
[<RequireQualifiedAccess>]
type ScheduleKind =
    /// 1F1B: one chunk a rank; after the warm-up one forward pays for one backward.
    | OneForwardOneBackward
    /// 1F1B over several chunks a rank, which lie around the ranks like a thread around a spool.
    | Interleaved
    /// 1F1B whose backward is cut in two: the half for the weights fills what would be bubble.
    | ZeroBubbleH1
    /// Two chunks a rank, down the ranks and up again; no bubble but for the staggered start.
    | ZeroBubbleV

    /// InternEvo's name of it.
    override kind.ToString() =
        match kind with
        | OneForwardOneBackward -> "1F1B"
        | Interleaved -> "interleaved"
        | ZeroBubbleH1 -> "ZBH1"
        | ZeroBubbleV -> "ZBV"

    /// The kind that InternEvo's `mode` means, in whatever case; 1F1B of several chunks is interleaved.
    static member Named(mode: string, chunks: int) : ScheduleKind option =
        match mode.ToUpperInvariant() with
        | "1F1B" when chunks > 1 -> Some Interleaved
        | "1F1B" -> Some OneForwardOneBackward
        | "INTERLEAVED" -> Some Interleaved
        | "ZBH1" -> Some ZeroBubbleH1
        | "ZBV" -> Some ZeroBubbleV
        | _ -> None

/// One thing that a rank of a pipeline does. Chunks and micro-batches count from 0.
type Step =
    /// The forward of a chunk for a micro-batch.
    | Forward of chunk: int * microBatch: int
    /// The whole backward: gradients of the chunk's input and of its weights.
    | Backward of chunk: int * microBatch: int
    /// The half of the backward that the stage before waits for: the gradient of the chunk's input.
    | BackwardInput of chunk: int * microBatch: int
    /// The half of the backward that nobody waits for: the gradients of the chunk's weights.
    | BackwardWeight of chunk: int * microBatch: int
    /// Sends what the forward of `chunk` gave to the rank that holds the next virtual stage.
    | SendForward of chunk: int * microBatch: int * toRank: int
    /// Receives what the forward of `chunk` starts from.
    | ReceiveForward of chunk: int * microBatch: int * fromRank: int
    /// Sends the gradient of the input of `chunk` to the rank that holds the virtual stage before.
    | SendBackward of chunk: int * microBatch: int * toRank: int
    /// Receives the gradient of what the forward of `chunk` gave.
    | ReceiveBackward of chunk: int * microBatch: int * fromRank: int

    /// The chunk that computes, gave what is sent, or uses what is received.
    member step.Chunk =
        match step with
        | Forward(chunk, _)
        | Backward(chunk, _)
        | BackwardInput(chunk, _)
        | BackwardWeight(chunk, _)
        | SendForward(chunk, _, _)
        | ReceiveForward(chunk, _, _)
        | SendBackward(chunk, _, _)
        | ReceiveBackward(chunk, _, _) -> chunk

    /// The micro-batch.
    member step.MicroBatch =
        match step with
        | Forward(_, m)
        | Backward(_, m)
        | BackwardInput(_, m)
        | BackwardWeight(_, m)
        | SendForward(_, m, _)
        | ReceiveForward(_, m, _)
        | SendBackward(_, m, _)
        | ReceiveBackward(_, m, _) -> m

    /// Whether it computes; otherwise it sends or receives.
    member step.Computes =
        match step with
        | Forward _
        | Backward _
        | BackwardInput _
        | BackwardWeight _ -> true
        | SendForward _
        | ReceiveForward _
        | SendBackward _
        | ReceiveBackward _ -> false

    /// One function for each case, called with chunk, micro-batch and, for a message, the other rank.
    member step.Match
        (
            forward: Func<int, int, 'r>,
            backward: Func<int, int, 'r>,
            backwardInput: Func<int, int, 'r>,
            backwardWeight: Func<int, int, 'r>,
            sendForward: Func<int, int, int, 'r>,
            receiveForward: Func<int, int, int, 'r>,
            sendBackward: Func<int, int, int, 'r>,
            receiveBackward: Func<int, int, int, 'r>
        ) =
        match step with
        | Forward(chunk, m) -> forward.Invoke(chunk, m)
        | Backward(chunk, m) -> backward.Invoke(chunk, m)
        | BackwardInput(chunk, m) -> backwardInput.Invoke(chunk, m)
        | BackwardWeight(chunk, m) -> backwardWeight.Invoke(chunk, m)
        | SendForward(chunk, m, rank) -> sendForward.Invoke(chunk, m, rank)
        | ReceiveForward(chunk, m, rank) -> receiveForward.Invoke(chunk, m, rank)
        | SendBackward(chunk, m, rank) -> sendBackward.Invoke(chunk, m, rank)
        | ReceiveBackward(chunk, m, rank) -> receiveBackward.Invoke(chunk, m, rank)

    /// As `Match`, for acting instead of answering.
    member step.Switch
        (
            forward: Action<int, int>,
            backward: Action<int, int>,
            backwardInput: Action<int, int>,
            backwardWeight: Action<int, int>,
            sendForward: Action<int, int, int>,
            receiveForward: Action<int, int, int>,
            sendBackward: Action<int, int, int>,
            receiveBackward: Action<int, int, int>
        ) =
        match step with
        | Forward(chunk, m) -> forward.Invoke(chunk, m)
        | Backward(chunk, m) -> backward.Invoke(chunk, m)
        | BackwardInput(chunk, m) -> backwardInput.Invoke(chunk, m)
        | BackwardWeight(chunk, m) -> backwardWeight.Invoke(chunk, m)
        | SendForward(chunk, m, rank) -> sendForward.Invoke(chunk, m, rank)
        | ReceiveForward(chunk, m, rank) -> receiveForward.Invoke(chunk, m, rank)
        | SendBackward(chunk, m, rank) -> sendBackward.Invoke(chunk, m, rank)
        | ReceiveBackward(chunk, m, rank) -> receiveBackward.Invoke(chunk, m, rank)

    /// `forward of chunk 0, micro-batch 3`, `send of a forward of chunk 0, micro-batch 3, to rank 1`.
    override step.ToString() =
        let what =
            match step with
            | Forward _ -> "forward"
            | Backward _ -> "backward"
            | BackwardInput _ -> "backward for the input"
            | BackwardWeight _ -> "backward for the weights"
            | SendForward _ -> "send of a forward"
            | ReceiveForward _ -> "receive of a forward"
            | SendBackward _ -> "send of a gradient"
            | ReceiveBackward _ -> "receive of a gradient"

        let other =
            match step with
            | SendForward(_, _, rank)
            | SendBackward(_, _, rank) -> $", to rank {rank}"
            | ReceiveForward(_, _, rank)
            | ReceiveBackward(_, _, rank) -> $", from rank {rank}"
            | _ -> ""

        $"{what} of chunk {step.Chunk}, micro-batch {step.MicroBatch}{other}"
