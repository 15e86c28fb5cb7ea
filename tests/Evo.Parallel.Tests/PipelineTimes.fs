/// The times that the ranks of a pipeline measure have one zero, and a run tells those of a settled step.
module Evo.Parallel.Tests.PipelineTimes

open System
open System.Threading
open Evo.Core
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.TinyRuns
open Xunit

/// Each message: when its send began, by the sender's time, and when its receive ended, by the receiver's.
let private messages (steps: TimedStep seq) =
    let ends =
        dict
            [
                for at in steps do
                    match at.Step with
                    | ReceiveForward(_, m, from) -> (from, at.Rank, m, true), at.End
                    | ReceiveBackward(_, m, from) -> (from, at.Rank, m, false), at.End
                    | _ -> ()
            ]

    [
        for at in steps do
            match at.Step with
            | SendForward(_, m, into) -> at.Begin, ends[(at.Rank, into, m, true)]
            | SendBackward(_, m, into) -> at.Begin, ends[(at.Rank, into, m, false)]
            | _ -> ()
    ]

[<Theory; InlineData 0; InlineData 1>]
let ``no message arrives before it was sent, whoever comes late, but for what zeros are said to be apart``
    late
    =
    let layout =
        { Layout.Single with
            Degrees =
                { Degrees.Single with
                    World = 2
                    Pipeline = 2
                }
            MicroBatches = 2
        }

    let micro =
        MicroBatch([| 5L; 9L; 11L |], [| 9L; 11L; 3L |], [| 0L; 1L; 2L |], [| 0; 3 |])

    let ranks =
        LocalWorld.Results(
            2,
            (fun (rank: LocalRank) ->
                use model =
                    RankModel.Build(
                        spec "LLAMA2",
                        layout,
                        RankGroups(Topology layout.Degrees, rank),
                        RankModelOptions()
                    )

                model.Start 5UL

                if rank.Rank = late then
                    Thread.Sleep 300

                model.Gradients([| micro; micro |], together = true).Passes),
            threads = Nullable 1
        )

    let apart = ranks |> Array.map (fun passes -> passes.Apart.Value) |> Array.max

    let steps =
        [
            for rank, passes in Array.indexed ranks do
                for struct (step, first, last) in passes.Times ->
                    {
                        Rank = rank
                        Step = step
                        Begin = first
                        End = last
                    }
        ]

    Assert.Equal(4, (messages steps).Length)

    for sent, received in messages steps do
        Assert.True(received >= sent - apart, $"sent at {sent}, received at {received}, {apart} apart")

/// What a run of so many steps on ranks tells of its pipeline, and the figures of its steps.
let private measured profiles ranks steps keys =
    use folder = new TemporaryFolder()
    writeData folder.Path

    let config =
        config
            folder.Path
            "LLAMA2"
            ([
                "data.rows_per_step=4"
                $"data.total_steps={steps}"
                "parallel.pipeline.size=2"
             ]
             @ keys)

    let seen = Seen()

    LocalWorld.Results(
        ranks,
        (fun rank ->
            let trainer =
                Trainer(config, seen, ResumeRule.AsConfigured, rank, ProfilesPipeline = profiles)

            trainer.Run CancellationToken.None),
        threads = 1
    )
    |> ignore

    [
        for event in seen.Events do
            match event with
            | :? TrainEvent.PipelineMeasured as it -> it.Pipeline
            | _ -> ()
    ],
    metrics config

[<Theory; InlineData(9, 3, 7); InlineData(2, 2, 2); InlineData(1, 1, 1)>]
let ``a run tells once what a pipeline did in a settled step, and measuring changes no figure``
    steps
    first
    last
    =
    let told, figures = measured true 4 steps []
    let pipeline = List.exactlyOne told
    Assert.InRange(pipeline.Step, int64 first, int64 last)
    Assert.Equal(2, pipeline.Shape.MicroBatches)

    for sent, received in messages pipeline.Steps do
        Assert.True(received >= sent - pipeline.Apart)

    let silent, same = measured false 4 steps []
    Assert.Empty silent
    Assert.Equal<(string * string) list list>(same, figures)

[<Fact>]
let ``stages that hold two chunks and cut their backward in two are measured too`` () =
    let told, _ =
        measured true 2 4 [ "parallel.pipeline.mode=ZBV"; "model.num_layers=4" ]

    let pipeline = List.exactlyOne told

    Assert.Equal(4, pipeline.Costs.Length)

    for costs in pipeline.Costs do
        Assert.True(costs.Forward > 0.0 && costs.BackwardInput > 0.0 && costs.BackwardWeight > 0.0)
