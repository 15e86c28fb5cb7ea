namespace Evo.Core

/// What each rank computes, in order: the four schedules as their papers tell them, without a word about messages.
module Orders =

    /// 1F1B: the warm-up fills the pipe, then one forward pays for one backward, then the pipe runs empty.
    /// (Narayanan et al., "Memory-Efficient Pipeline-Parallel DNN Training", 2021.)
    let oneForwardOneBackward stages microBatches rank =
        let warmup = min microBatches (stages - rank - 1)

        [|
            for m in 0 .. warmup - 1 do
                Forward(0, m)
            for m in 0 .. microBatches - warmup - 1 do
                Forward(0, warmup + m)
                Backward(0, m)
            for m in microBatches - warmup .. microBatches - 1 do
                Backward(0, m)
        |]

    /// 1F1B over chunks: micro-batches go through a chunk in groups as large as the pipeline is long, so that a group
    /// comes back to the first rank just when that has done its last one. Needs a multiple of `stages` micro-batches.
    /// (Narayanan et al., "Efficient Large-Scale Language Model Training on GPU Clusters Using Megatron-LM", 2021.)
    let interleaved stages microBatches chunks rank =
        let total = microBatches * chunks
        let warmup = min total (2 * (stages - rank - 1) + (chunks - 1) * stages)
        let chunk k = k % (stages * chunks) / stages

        let microBatch k =
            k / (stages * chunks) * stages + k % stages

        let forward k = Forward(chunk k, microBatch k)

        let backward k =
            Backward(chunks - 1 - chunk k, microBatch k)

        [|
            for k in 0 .. warmup - 1 do
                forward k
            for k in 0 .. total - warmup - 1 do
                forward (warmup + k)
                backward k
            for k in total - warmup .. total - 1 do
                backward k
        |]

    /// 1F1B with the backward cut in two. Rank r lags r weight gradients behind, as many as keep its activations at
    /// those of rank 0; they fill the time in which 1F1B waits at the end. Nobody waits for rank 0's input gradients,
    /// so that it has no reason to cut. (Qi et al., "Zero Bubble Pipeline Parallelism", 2023, schedule H1.)
    let zeroBubbleH1 stages microBatches rank =
        let warmup = min microBatches (stages - rank - 1)
        let lag = min rank (microBatches - warmup)

        [|
            for m in 0 .. warmup - 1 do
                Forward(0, m)
            for m in 0 .. microBatches - 1 do
                if warmup + m < microBatches then
                    Forward(0, warmup + m)

                if rank = 0 then
                    Backward(0, m)
                else
                    BackwardInput(0, m)

                    if m >= lag then
                        BackwardWeight(0, m - lag)
            if rank > 0 then
                for m in microBatches - lag .. microBatches - 1 do
                    BackwardWeight(0, m)
        |]

    /// Two chunks a rank in a V: what rank 0 begins comes back to it, so that the last virtual stage turns forwards into
    /// backwards early and every rank holds the same number of activations. Needs 2 * `stages` micro-batches.
    /// (Qi et al., "Pipeline Parallelism with Controllable Memory", 2024, schedule V-ZB.)
    let zeroBubbleV stages microBatches rank =
        let steps = ResizeArray()
        let forwards, inputs, weights = [| 0; 0 |], [| 0; 0 |], [| 0; 0 |]

        let next (counts: int array) chunk step =
            steps.Add(step (chunk, counts[chunk]))
            counts[chunk] <- counts[chunk] + 1

        let forward chunk = next forwards chunk Forward
        let input chunk = next inputs chunk BackwardInput
        let weight chunk = next weights chunk BackwardWeight

        let backward chunk =
            input chunk
            weight chunk

        // The first micro-batch goes down and comes up again.
        for _ in 1 .. 2 * (stages - rank) - 1 do
            forward 0

        // Those that come up meet those that go down.
        for _ in 1..rank do
            forward 1
            forward 0

        for _ in 1 .. stages - rank do
            forward 1
            backward 1

        // Both ways in turn, each forward paying for a whole backward.
        while forwards[1] < microBatches do
            if forwards[0] < microBatches then
                forward 0

            backward 0
            forward 1
            backward 1

        // The pipe runs empty: input gradients first, for others wait for them.
        for _ in 1..rank do
            input 0
            input 1

        for _ in 1 .. stages - rank do
            backward 0

        while weights[1] < microBatches do
            weight 1

        while weights[0] < microBatches do
            weight 0

        steps.ToArray()

    /// What one rank of a shape computes, in order.
    let ofRank (shape: PipelineShape) rank : Step array =
        match shape.Kind with
        | ScheduleKind.OneForwardOneBackward -> oneForwardOneBackward shape.Stages shape.MicroBatches rank
        | ScheduleKind.Interleaved -> interleaved shape.Stages shape.MicroBatches shape.Chunks rank
        | ScheduleKind.ZeroBubbleH1 -> zeroBubbleH1 shape.Stages shape.MicroBatches rank
        | ScheduleKind.ZeroBubbleV -> zeroBubbleV shape.Stages shape.MicroBatches rank
