/// What differs from row to row and from step to step reaches a recorded pass: how rows are sent, their random choices, the loss scale.
module Evo.Parallel.Tests.RecordedRows

open System
open System.Collections.Generic
open Evo.Core
open Evo.Models
open Evo.Parallel
open Evo.Parallel.Tests.PassRecorders
open Evo.Parallel.Tests.TinyRuns
open Evo.Torch
open TorchSharp
open Xunit

let private dropping =
    specWith "GPT2" """, "drop_rate": 0.3, "embed_drop_rate": 0.2 """

/// Steps of a data rank's rows, which stand one behind the other in the step's whole batch.
let private rowsOf dataRank =
    let random = Random(11 + dataRank: int)

    [
        for _ in 1..4 ->
            [
                for micro in 0..1 ->
                    let drawn = row random [ 5; 12; 7 ]

                    MicroBatch(
                        drawn.Tokens,
                        drawn.Labels,
                        drawn.Positions,
                        drawn.Boundaries,
                        FirstToken = int64 (tokens * (2 * dataRank + micro))
                    )
            ]
    ]

let private losses (model: RankModel) rank =
    [
        for i, step in List.indexed (rowsOf rank) do
            let key = RandomKey.Of(7UL, "random choices").At(int64 i)
            let figures = model.Gradients(Array.ofList step, loss, Nullable key)
            Assert.True(update model (int64 (i + 1)) figures)
            figures.Loss, figures.Norm
    ]

/// Two replicas of a model over two tensor ranks, or one rank, each with graphs by the recorder of its number.
let private train (world: int) recompute (graphs: (int -> GraphOptions) option) =
    let layout =
        { Layout.Single with
            Degrees =
                { Degrees.Single with
                    World = world
                    Tensor = min world 2
                    Mode = TensorMode.Msp
                }
            MicroBatches = 2
            Recompute = recompute
        }

    LocalWorld.Results(
        world,
        (fun (rank: LocalRank) ->
            let groups = RankGroups(Topology layout.Degrees, rank)

            use model =
                RankModel.Build(
                    dropping,
                    layout,
                    groups,
                    RankModelOptions(
                        Graphs = (graphs |> Option.map (fun make -> make rank.Rank) |> Option.toObj)
                    )
                )

            model.Start 5UL
            losses model groups.Data.Rank, bitsOf model),
        Nullable(),
        Nullable 1
    )

[<Theory; InlineData(1, 0.0); InlineData(1, 1.0); InlineData(4, 0.0); InlineData(4, 1.0)>]
let ``a recorded pass with dropout makes the choices of each step and row that it is replayed for``
    world
    recompute
    =
    let recorders = [ for _ in 1..world -> new Recorder(false) ]
    let told = List<string>()

    let recorded =
        train world recompute (Some(fun rank -> graphs recorders[rank] told.Add))

    let plain = train world recompute None

    for (before, bitsBefore), (after, bitsAfter) in Seq.zip plain recorded do
        Assert.Equal<(float * float) list>(before, after)
        Assert.Equal<byte[] list>(bitsBefore, bitsAfter)

    Assert.Empty told
    Assert.All(recorders, fun recorder -> Assert.Contains("replay", recorder.Said))

[<Fact>]
let ``dropout drops in these passes`` () =
    use model =
        RankModel.OnOneRank(dropping, RankModelOptions(Graphs = graphs (new Recorder(false)) ignore))

    model.Start 5UL
    use without = RankModel.OnOneRank(dropping, RankModelOptions(Dropout = false))
    without.Start 5UL
    Assert.NotEqual<(float * float) list>(losses without 0, losses model 0)

[<Fact>]
let ``random choices of a recorded pass that does not say its step are an error`` () =
    use model =
        RankModel.OnOneRank(dropping, RankModelOptions(Graphs = graphs (new Recorder(false)) ignore))

    model.Start 5UL

    let error =
        Assert.ThrowsAny<Exception>(fun () ->
            model.Gradients(Array.ofList (List.head (rowsOf 0)), loss) |> ignore)

    Assert.Contains("does not say its step", error.Message)

/// Copies that are put off until their place is taken, and places that must be filled in turn.
type private LateCopies() =
    let waiting = Dictionary<int, Action>()
    let order = List<string>()
    member _.Order = List.ofSeq order

    interface ISideCopies with
        member _.Fill(place, copies) =
            order.Add $"fill {place}"
            waiting.Add(place, copies)

        member _.Take(place, read) =
            order.Add $"take {place}"

            match waiting.TryGetValue place with
            | true, copies ->
                copies.Invoke()
                waiting.Remove place |> ignore
            | _ -> ()

            read.Invoke()

        member _.Dispose() = order.Add "closed"

[<Fact>]
let ``rows are sent to two places in turn, and a place is taken before the pass that computes it`` () =
    let trained (copies: LateCopies option) =
        use recorder = new Recorder(false)
        let options = graphs recorder ignore

        let options =
            match copies with
            | Some late ->
                GraphOptions(
                    12,
                    options.Start,
                    options.Recorder,
                    options.Tell,
                    Copies = (fun _ -> late :> ISideCopies)
                )
            | None -> options

        use model = RankModel.OnOneRank(dropping, RankModelOptions(Graphs = options))

        model.Start 5UL
        losses model 0, bitsOf model

    let late = new LateCopies()
    let expected, bits = trained None
    let found, sent = trained (Some late)
    Assert.Equal<(float * float) list>(expected, found)
    Assert.Equal<byte[] list>(bits, sent)

    Assert.Equal<string list>(
        [
            // Both are made before they are filled.
            "take 0"
            "take 1"
            for pass in 0..7 do
                $"fill {pass % 2}"
                $"take {pass % 2}"
            "closed"
        ],
        late.Order
    )

[<Fact>]
let ``a loss scale that leaves 1 reaches the passes that were recorded at 1`` () =
    let trained (options: GraphOptions option) =
        use model =
            RankModel.OnOneRank(
                spec "LLAMA2",
                RankModelOptions(
                    Dropout = false,
                    Graphs = Option.toObj options,
                    LossScaler =
                        LossScaler.Start
                            { LossScaleRules.Default with
                                InitialScale = 1.0
                                GrowthInterval = 1L
                            }
                )
            )

        model.Start 5UL
        losses model 0, bitsOf model

    use recorder = new Recorder(false)
    let expected, bits = trained None
    let found, recorded = trained (Some(graphs recorder ignore))
    Assert.Equal<(float * float) list>(expected, found)
    Assert.Equal<byte[] list>(bits, recorded)
