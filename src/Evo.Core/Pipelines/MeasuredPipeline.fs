namespace Evo.Core

open System

/// What the ranks of one pipeline did when in one step of training, as they measured it themselves. Times are seconds.
type MeasuredPipeline =
    {
        /// The step of the run, from 1.
        Step: int64
        /// What its schedule was made for.
        Shape: PipelineShape
        /// Every rank counts time from its own zero; no two of these are further apart than this.
        Apart: float
        /// What each rank did: rank after rank, each in its order.
        Steps: TimedStep list
    }

    /// The schedule that ranks run: their sends never wait, so that receives stand right before their use.
    static member ScheduleOf(shape: PipelineShape) : Schedule = (Schedule.Of shape).With Receipt.Late

    /// From the times at which every step of the schedule began and ended, in turn, rank after rank.
    static member OfTimes(step: int64, shape: PipelineShape, apart: float, times: float array) =
        let schedule = MeasuredPipeline.ScheduleOf shape

        let steps =
            [
                for rank in 0 .. shape.Stages - 1 do
                    for step in schedule.StepsOf rank -> rank, step
            ]

        if times.Length <> 2 * steps.Length then
            raise (ArgumentException $"{times.Length} times, and {steps.Length} steps that have two each")

        {
            Step = step
            Shape = shape
            Apart = apart
            Steps =
                steps
                |> List.mapi (fun place (rank, step) ->
                    {
                        Rank = rank
                        Step = step
                        Begin = times[2 * place]
                        End = times[2 * place + 1]
                    })
        }

    /// From the first computation's beginning to the last one's end.
    member measured.Makespan = Chart.makespan measured.Steps

    /// The part of all ranks' time, from 0 to 1, in which nothing is computed.
    member measured.Bubble = Chart.bubble measured.Steps

    /// What each virtual stage's computations took on average. A backward that is whole counts as its first half, which is
    /// right for simulating it: no stage has both whole ones and halves. Messages cost nothing: how long one takes cannot be
    /// told from how long its receiver waits for it.
    member measured.Costs: Costs array =
        let shape = measured.Shape

        let took =
            measured.Steps
            |> List.filter _.Step.Computes
            |> List.groupBy (fun at -> shape.VirtualStage(at.Rank, at.Step.Chunk))
            |> Map.ofList

        Array.init shape.VirtualStages (fun stage ->
            let mean chosen =
                match took[stage] |> List.filter (fun at -> chosen at.Step) with
                | [] -> 0.0
                | chosen -> chosen |> List.averageBy (fun at -> at.End - at.Begin)

            {
                Forward = mean _.IsForward
                BackwardInput = mean (fun step -> step.IsBackward || step.IsBackwardInput)
                BackwardWeight = mean _.IsBackwardWeight
                Message = 0.0
            })

    /// The same schedule, simulated with these costs: what the step would have been had each computation taken its mean,
    /// and messages no time.
    member measured.Simulated: Timeline =
        let costs = measured.Costs

        match
            Simulate.runWith Transport.Mailbox (Array.get costs) (MeasuredPipeline.ScheduleOf measured.Shape)
        with
        | Ok timeline -> timeline
        | Error deadlock -> raise (ScheduleException(string deadlock))
