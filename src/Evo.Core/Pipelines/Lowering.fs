namespace Evo.Core

open System
open System.Collections.Generic

/// A schedule that cannot be run, and why.
type ScheduleException(message: string) =
    inherit Exception(message)

/// From what each rank computes to all that it does: where its sends and receives stand.
///
/// Imagine a clock on which every step takes one tick and a message none. Whatever happens then has a time: a
/// computation that of its beginning, a message that of the end of the computation that gave it. Write all of it into
/// one list in the order of time (messages before the computations of the same tick), and let each rank do its own
/// lines of that list. No rank can wait in a circle, even if a send waits for its receive and a receive for its send,
/// one at a time: of all that is not yet done, the first line of the list can always be done. And two ranks see the
/// messages between them, of both directions, in the same order.
module internal Lowering =

    /// The ticks that a step takes. A whole backward counts for two only beside ones that are cut in two.
    let private ticks (shape: PipelineShape) step =
        match step with
        | Backward _ when shape.Kind = ScheduleKind.ZeroBubbleH1 -> 2
        | _ -> 1

    /// The tick at which each computation begins, by rank and place.
    let private clock (shape: PipelineShape) (order: Step array array) : int array array =
        let begins = order |> Array.map (fun steps -> Array.zeroCreate steps.Length)
        let place = Array.zeroCreate shape.Stages
        let free = Array.zeroCreate shape.Stages
        let given = Array.create (2 * shape.VirtualStages * shape.MicroBatches) -1
        let mutable moved = true

        while moved do
            moved <- false

            for rank in 0 .. shape.Stages - 1 do
                let mutable ready = true

                while ready && place[rank] < order[rank].Length do
                    let step = order[rank][place[rank]]
                    let needed = Message.neededBy shape rank step

                    if needed >= 0 && given[needed] < 0 then
                        ready <- false
                    else
                        let start =
                            if needed < 0 then
                                free[rank]
                            else
                                max free[rank] given[needed]

                        begins[rank][place[rank]] <- start
                        free[rank] <- start + ticks shape step
                        let gives = Message.givenBy shape rank step

                        if gives >= 0 then
                            given[gives] <- free[rank]

                        place[rank] <- place[rank] + 1
                        moved <- true

        for rank in 0 .. shape.Stages - 1 do
            if place[rank] < order[rank].Length then
                raise (
                    ScheduleException
                        $"rank {rank} can never do step {place[rank]}, the {order[rank][place[rank]]}: what it needs is never given; the order of some rank is wrong"
                )

        begins

    /// For every transport: a send right after its computation, a receive as soon as its message may be there.
    let early (shape: PipelineShape) (order: Step array array) : Step array array =
        let begins = clock shape order
        let messages = ResizeArray()
        let times = ResizeArray()

        for rank in 0 .. shape.Stages - 1 do
            order[rank]
            |> Array.iteri (fun place step ->
                match Message.sentBy shape rank step with
                | ValueSome message ->
                    messages.Add message
                    // Messages of one tick are ordered by their numbers, which all ranks see alike.
                    let tick = begins[rank][place] + ticks shape step
                    times.Add((int64 tick <<< 32) + int64 message.Id)
                | ValueNone -> ())

        let times, messages = times.ToArray(), messages.ToArray()
        Array.Sort(times, messages)
        let own = Array.init shape.Stages (fun _ -> Queue<struct (int * Step)>())

        for i in 0 .. messages.Length - 1 do
            let tick = int (times[i] >>> 32)
            own.[messages[i].From].Enqueue(struct (tick, messages[i].Send))
            own.[messages[i].To].Enqueue(struct (tick, messages[i].Receive))

        Array.init shape.Stages (fun rank ->
            let steps = ResizeArray()
            let waiting = own[rank]

            let messagesUntil tick =
                let due () =
                    let struct (at, _) = waiting.Peek()
                    at <= tick

                while waiting.Count > 0 && due () do
                    let struct (_, step) = waiting.Dequeue()
                    steps.Add step

            order[rank]
            |> Array.iteri (fun place step ->
                messagesUntil begins.[rank].[place]
                steps.Add step)

            messagesUntil Int32.MaxValue
            steps.ToArray())

    /// For transports whose sends never wait: a send right after its computation, a receive right before its use, after
    /// those that the same rank sent before it.
    let late (shape: PipelineShape) (order: Step array array) : Step array array =
        let sent =
            Array.init shape.Stages (fun _ -> Array.init shape.Stages (fun _ -> Queue<Message>()))

        let sender = Array.create (2 * shape.VirtualStages * shape.MicroBatches) -1

        for rank in 0 .. shape.Stages - 1 do
            for step in order[rank] do
                match Message.sentBy shape rank step with
                | ValueSome message ->
                    sent.[rank].[message.To].Enqueue message
                    sender[message.Id] <- rank
                | ValueNone -> ()

        let received = Array.create sender.Length false

        Array.init shape.Stages (fun rank ->
            [|
                for step in order[rank] do
                    let needed = Message.neededBy shape rank step

                    if needed >= 0 && sender[needed] >= 0 then
                        while not received[needed] do
                            let message = sent.[sender[needed]].[rank].Dequeue()
                            received[message.Id] <- true
                            message.Receive

                    step

                    match Message.sentBy shape rank step with
                    | ValueSome message -> message.Send
                    | ValueNone -> ()
            |])
