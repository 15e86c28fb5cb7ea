namespace Evo.Core

/// Runs a schedule without doing anything. Each rank is a fixed program and each message is between two ranks, so that
/// the order in which ranks are looked at changes nothing: if one run ends, all do.
module Simulate =

    /// One rank's program in numbers, for a loop that allocates nothing.
    type private Program =
        {
            /// 0 computes, 1 sends, 2 receives.
            Kind: byte array
            /// The message that is sent or received, or that a computation needs from another rank; else -1.
            Message: int array
            /// How long a computation takes.
            Duration: float array
            /// What a step adds to the activations that live.
            Lives: int array
        }

    let private program (schedule: Schedule) (costs: Costs array) rank =
        let shape = schedule.Shape

        let kind =
            function
            | SendForward _
            | SendBackward _ -> 1uy
            | ReceiveForward _
            | ReceiveBackward _ -> 2uy
            | _ -> 0uy

        let message step =
            if kind step > 0uy then
                Message.idOf shape rank step
            elif Message.giverOf shape rank step = rank then
                // Its own results are there by the order of its program.
                -1
            else
                Message.neededBy shape rank step

        let duration (step: Step) =
            let costs = costs[shape.VirtualStage(rank, step.Chunk)]

            match step with
            | Forward _ -> costs.Forward
            | Backward _ -> costs.Backward
            | BackwardInput _ -> costs.BackwardInput
            | BackwardWeight _ -> costs.BackwardWeight
            | _ -> 0.0

        let lives =
            function
            | Forward _ -> 1
            | Backward _
            | BackwardWeight _ -> -1
            | _ -> 0

        let steps = schedule.Steps.[rank]

        {
            Kind = Array.map kind steps
            Message = Array.map message steps
            Duration = Array.map duration steps
            Lives = Array.map lives steps
        }

    /// The ranks in the middle of their programs. `delays` says how long each message takes.
    type private Machine(transport: Transport, programs: Program array, delays: float array) =
        let ranks = programs.Length
        let place: int array = Array.zeroCreate ranks
        let now: float array = Array.zeroCreate ranks

        let begins: float array array =
            programs |> Array.map (fun program -> Array.zeroCreate program.Kind.Length)

        let ends: float array array =
            programs |> Array.map (fun program -> Array.zeroCreate program.Kind.Length)

        let live: int array = Array.zeroCreate ranks
        let peaks: int array = Array.zeroCreate ranks
        // When each side of a message was ready for it; below 0 until then.
        let sent: float array = Array.create delays.Length -1.0
        let received: float array = Array.create delays.Length -1.0
        /// Whether anything happened for which another rank may have waited.
        let mutable moved = true

        /// A rank comes to a send or a receive; where it came before, and waits, nothing changes.
        let post rank at =
            let program = programs[rank]
            let side = if program.Kind[at] = 1uy then sent else received
            let message = program.Message[at]

            if side[message] < 0.0 then
                side[message] <- now[rank]
                moved <- true

            begins[rank][at] <- side[message]

        /// When a message is there; below 0 while a side of it is missing.
        let arrival message =
            if sent[message] < 0.0 then
                -1.0
            elif transport = Transport.Mailbox then
                sent[message] + delays[message]
            elif received[message] < 0.0 then
                -1.0
            else
                max sent[message] received[message] + delays[message]

        let finish rank at until =
            ends[rank][at] <- until
            place[rank] <- at + 1
            moved <- true

        /// Sends and receives from the rank's place up to `last`, posted together; false while one is not through.
        let exchange rank last =
            let first = place[rank]
            let mutable until = now[rank]
            let mutable through = true

            for at in first..last do
                post rank at

                let time =
                    if transport = Transport.Mailbox && programs[rank].Kind[at] = 1uy then
                        now[rank]
                    else
                        arrival programs[rank].Message[at]

                if time < 0.0 then
                    through <- false
                else
                    until <- max until time

            if through then
                for at in first..last do
                    finish rank at until

                now[rank] <- until

            through

        let compute rank =
            let at = place[rank]
            let program = programs[rank]
            let message = program.Message[at]

            // Only where nothing waited for the message before must the computation do so.
            let start =
                if transport <> Transport.Posted || message < 0 then
                    now[rank]
                else
                    let there = arrival message
                    if there < 0.0 then there else max now[rank] there

            if start >= 0.0 then
                begins[rank][at] <- start
                now[rank] <- start + program.Duration[at]
                live[rank] <- live[rank] + program.Lives[at]
                peaks[rank] <- max peaks[rank] live[rank]
                finish rank at now[rank]

            start >= 0.0

        /// One step of a rank, or one batch of messages; false where it must wait.
        let advance rank =
            let at = place[rank]
            let kinds = programs[rank].Kind

            if kinds[at] = 0uy then
                compute rank
            else
                match transport with
                | Transport.Posted ->
                    post rank at
                    finish rank at now[rank]
                    true
                | Transport.Batched ->
                    let mutable last = at

                    while last + 1 < kinds.Length && kinds[last + 1] > 0uy do
                        last <- last + 1

                    exchange rank last
                | _ -> exchange rank at

        /// Goes on until every rank is done or waits.
        member _.Run() =
            while moved do
                moved <- false

                for rank in 0 .. ranks - 1 do
                    while place[rank] < programs[rank].Kind.Length && advance rank do
                        ()

            struct (begins, ends, place, peaks)

    /// Runs a schedule with costs for each virtual stage; tells a deadlock.
    let runWith
        (transport: Transport)
        (costs: int -> Costs)
        (schedule: Schedule)
        : Result<Timeline, Deadlock> =
        let shape = schedule.Shape
        let costs = Array.init shape.VirtualStages costs
        let programs = Array.init shape.Stages (program schedule costs)

        let delays =
            Array.init (2 * shape.VirtualStages * shape.MicroBatches) (fun message ->
                costs[message / shape.MicroBatches % shape.VirtualStages].Message)

        let struct (begins, ends, reached, peaks) =
            Machine(transport, programs, delays).Run()

        let timeline = Timeline(schedule, begins, ends, reached, peaks)

        let standing =
            [
                for rank in 0 .. shape.Stages - 1 do
                    if reached[rank] < schedule.Steps.[rank].Length then
                        {
                            Rank = rank
                            Place = reached[rank]
                            Step = schedule.Steps.[rank].[reached[rank]]
                        }
            ]

        if standing.IsEmpty then
            Ok timeline
        else
            Error
                {
                    Standing = standing
                    SoFar = timeline
                }

    /// Runs a schedule whose virtual stages all cost the same; tells a deadlock.
    let run (transport: Transport) (costs: Costs) (schedule: Schedule) : Result<Timeline, Deadlock> =
        runWith transport (fun _ -> costs) schedule
