namespace Evo.Core

open System
open System.Collections.Generic

/// What every schedule must obey whatever its costs are. That no rank waits in a circle is shown by `Simulate`.
module ScheduleLaws =

    /// What a rank has done and holds at a place of its program.
    type private Bench(shape: PipelineShape) =
        let size = shape.Chunks * shape.MicroBatches
        member val Forward: bool array = Array.zeroCreate size
        member val Input: bool array = Array.zeroCreate size
        member val Weight: bool array = Array.zeroCreate size
        /// Outputs and gradients for neighbours that exist and were not sent or used yet, by message.
        member val Held: HashSet<int> = HashSet()

    let private inRange (shape: PipelineShape) (step: Step) =
        step.Chunk >= 0
        && step.Chunk < shape.Chunks
        && step.MicroBatch >= 0
        && step.MicroBatch < shape.MicroBatches

    /// Walks the program of one rank: everything once, after what it needs, and nothing left over.
    let private ofRank (schedule: Schedule) rank (say: string -> unit) =
        let shape = schedule.Shape
        let bench = Bench shape

        let once (did: bool array) (step: Step) =
            let at = step.Chunk * shape.MicroBatches + step.MicroBatch

            if did[at] then
                say $"rank {rank} does the {step} twice"

            did[at] <- true

        let after (did: bool array) (step: Step) (what: string) =
            if not did[step.Chunk * shape.MicroBatches + step.MicroBatch] then
                say $"rank {rank} does the {step} before its {what}"

        let take message (step: Step) =
            if message >= 0 && not (bench.Held.Remove message) then
                say $"rank {rank} does the {step} without what it needs"

        let give message =
            if message >= 0 then
                bench.Held.Add message |> ignore

        for step in schedule.StepsOf rank do
            if not (inRange shape step) then
                say $"rank {rank} does the {step}, which is not of this schedule"
            else
                match step with
                | Forward _ ->
                    once bench.Forward step
                    take (Message.neededBy shape rank step) step
                    give (Message.givenBy shape rank step)
                | Backward _
                | BackwardInput _ ->
                    after bench.Forward step "forward"
                    once bench.Input step
                    take (Message.neededBy shape rank step) step
                    give (Message.givenBy shape rank step)

                    if step.IsBackward then
                        once bench.Weight step
                | BackwardWeight _ ->
                    after bench.Input step "backward for the input"
                    once bench.Weight step
                | SendForward(_, _, other)
                | SendBackward(_, _, other) ->
                    let message = Message.idOf shape rank step
                    take message step

                    let stage =
                        shape.VirtualStage(rank, step.Chunk) + (if step.IsSendForward then 1 else -1)

                    if
                        stage < 0
                        || stage >= shape.VirtualStages
                        || (shape.HolderOf stage).Rank <> other
                        || other = rank
                    then
                        say $"rank {rank} does the {step}, which is not the neighbour"
                | ReceiveForward _
                | ReceiveBackward _ -> give (Message.idOf shape rank step)

        for chunk in 0 .. shape.Chunks - 1 do
            for m in 0 .. shape.MicroBatches - 1 do
                let at = chunk * shape.MicroBatches + m

                if not (bench.Forward[at] && bench.Input[at] && bench.Weight[at]) then
                    say $"rank {rank} does not do all of chunk {chunk}, micro-batch {m}"

        if bench.Held.Count > 0 then
            say
                $"rank {rank} neither sends nor uses {bench.Held.Count} of the results that it holds at the end"

    /// What two ranks say to one another, in the order in which one of them lists it.
    let private between (schedule: Schedule) =
        let lists = Dictionary<struct (int * int), ResizeArray<struct (int * bool)>>()

        for rank in 0 .. schedule.Stages - 1 do
            for step in schedule.StepsOf rank do
                let other, sends =
                    match step with
                    | SendForward(_, _, other)
                    | SendBackward(_, _, other) -> other, true
                    | ReceiveForward(_, _, other)
                    | ReceiveBackward(_, _, other) -> other, false
                    | _ -> -1, false

                if other >= 0 && inRange schedule.Shape step then
                    let key = struct (rank, other)

                    match lists.TryGetValue key with
                    | true, list -> list.Add(struct (Message.idOf schedule.Shape rank step, sends))
                    | _ -> lists[key] <- ResizeArray [ struct (Message.idOf schedule.Shape rank step, sends) ]

        lists

    /// Messages of a pair meet in the same order on both: those of one direction always, where receives are listed
    /// early those of both directions together.
    let private messagesMeet (schedule: Schedule) (say: string -> unit) =
        let lists = between schedule

        let listOf a b =
            match lists.TryGetValue(struct (a, b)) with
            | true, list -> list.ToArray()
            | _ -> [||]

        let agree a b (mine: struct (int * bool) array) (theirs: struct (int * bool) array) =
            let turned =
                theirs
                |> Array.map (fun (struct (message, sends)) -> struct (message, not sends))

            if not (mine.AsSpan().SequenceEqual(turned.AsSpan())) then
                say $"ranks {a} and {b} do not list the messages between them alike"

        for a in 0 .. schedule.Stages - 1 do
            for b in 0 .. schedule.Stages - 1 do
                if a < b || (a <> b && schedule.Receipt = Receipt.Late) then
                    let mine, theirs = listOf a b, listOf b a

                    match schedule.Receipt with
                    | Receipt.Early -> agree a b mine theirs
                    | Receipt.Late ->
                        let sends = mine |> Array.filter (fun (struct (_, sends)) -> sends)
                        let receives = theirs |> Array.filter (fun (struct (_, sends)) -> not sends)
                        agree a b sends receives

    /// Everything that is wrong with a schedule, as sentences; empty for a right one: each forward and each backward of
    /// every chunk and micro-batch exactly once and after what it needs, each message sent once, to the neighbour, and
    /// received once, in an order on which both sides agree.
    let broken (schedule: Schedule) : string list =
        let found = ResizeArray()

        for rank in 0 .. schedule.Stages - 1 do
            ofRank schedule rank found.Add

        messagesMeet schedule found.Add
        List.ofSeq found
