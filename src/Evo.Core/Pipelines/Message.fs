namespace Evo.Core

/// What one computation hands to another rank.
type internal Message =
    {
        /// Unique in a step: forwards by the virtual stage that they reach and the micro-batch, then gradients alike.
        Id: int
        From: int
        To: int
        Send: Step
        Receive: Step
    }

module internal Message =

    let forwardId (shape: PipelineShape) virtualStage microBatch =
        virtualStage * shape.MicroBatches + microBatch

    let backwardId (shape: PipelineShape) virtualStage microBatch =
        (shape.VirtualStages + virtualStage) * shape.MicroBatches + microBatch

    /// What a computation sends; nothing at the ends of the model, and where the neighbour is on the same rank.
    let sentBy (shape: PipelineShape) rank step =
        let holderOf virtualStage =
            if virtualStage < 0 || virtualStage >= shape.VirtualStages then
                ValueNone
            else
                let holder = shape.HolderOf virtualStage
                if holder.Rank = rank then ValueNone else ValueSome holder

        match step with
        | Forward(chunk, m) ->
            let next = shape.VirtualStage(rank, chunk) + 1

            match holderOf next with
            | ValueNone -> ValueNone
            | ValueSome holder ->
                ValueSome
                    {
                        Id = forwardId shape next m
                        From = rank
                        To = holder.Rank
                        Send = SendForward(chunk, m, holder.Rank)
                        Receive = ReceiveForward(holder.Chunk, m, rank)
                    }
        | Backward(chunk, m)
        | BackwardInput(chunk, m) ->
            let before = shape.VirtualStage(rank, chunk) - 1

            match holderOf before with
            | ValueNone -> ValueNone
            | ValueSome holder ->
                ValueSome
                    {
                        Id = backwardId shape before m
                        From = rank
                        To = holder.Rank
                        Send = SendBackward(chunk, m, holder.Rank)
                        Receive = ReceiveBackward(holder.Chunk, m, rank)
                    }
        | _ -> ValueNone

    /// What must have been computed before a computation, by `Id` as if it were sent, on whichever rank; -1 for none.
    let neededBy (shape: PipelineShape) rank step =
        match step with
        | Forward(chunk, m) ->
            let stage = shape.VirtualStage(rank, chunk)
            if stage = 0 then -1 else forwardId shape stage m
        | Backward(chunk, m)
        | BackwardInput(chunk, m) ->
            let stage = shape.VirtualStage(rank, chunk)

            if stage = shape.VirtualStages - 1 then
                -1
            else
                backwardId shape stage m
        | _ -> -1

    /// The rank that gives what a computation needs; -1 where it needs nothing.
    let giverOf (shape: PipelineShape) rank step =
        match step with
        | Forward(chunk, _) when shape.VirtualStage(rank, chunk) > 0 ->
            (shape.HolderOf(shape.VirtualStage(rank, chunk) - 1)).Rank
        | Backward(chunk, _)
        | BackwardInput(chunk, _) when shape.VirtualStage(rank, chunk) < shape.VirtualStages - 1 ->
            (shape.HolderOf(shape.VirtualStage(rank, chunk) + 1)).Rank
        | _ -> -1

    /// What a computation gives to a neighbour, by `Id`, on whichever rank that is; -1 for none.
    let givenBy (shape: PipelineShape) rank step =
        match step with
        | Forward(chunk, m) ->
            let next = shape.VirtualStage(rank, chunk) + 1

            if next = shape.VirtualStages then
                -1
            else
                forwardId shape next m
        | Backward(chunk, m)
        | BackwardInput(chunk, m) ->
            let stage = shape.VirtualStage(rank, chunk)
            if stage = 0 then -1 else backwardId shape (stage - 1) m
        | _ -> -1

    /// The message that a send or a receive is about; -1 for a computation.
    let idOf (shape: PipelineShape) rank step =
        match step with
        | SendForward(chunk, m, _) -> forwardId shape (shape.VirtualStage(rank, chunk) + 1) m
        | ReceiveForward(chunk, m, _) -> forwardId shape (shape.VirtualStage(rank, chunk)) m
        | SendBackward(chunk, m, _) -> backwardId shape (shape.VirtualStage(rank, chunk) - 1) m
        | ReceiveBackward(chunk, m, _) -> backwardId shape (shape.VirtualStage(rank, chunk)) m
        | _ -> -1
