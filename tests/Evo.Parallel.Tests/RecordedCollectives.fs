/// What ranks say to one another in a recorded pass is in the recording: the same calls in the same order, and the same bits.
module Evo.Parallel.Tests.RecordedCollectives

open System
open System.Collections.Generic
open Evo.Core
open Evo.Parallel
open Evo.Parallel.Tests.HeardCalls
open Evo.Parallel.Tests.PassRecorders
open Evo.Parallel.Tests.TinyRuns
open Evo.Torch
open TorchSharp
open Xunit

/// Sizes of data and tensor axis, and of the group that shares the optimizer's state.
let private layout data tensor mode zero reduction micros =
    { Layout.Single with
        Degrees =
            { Degrees.Single with
                World = data * tensor
                Tensor = tensor
                Mode = mode
                Zero = zero
            }
        Reduction = reduction
        MicroBatches = micros
    }

/// What one rank did.
type private Did =
    {
        Figures: (float * float) list
        Bits: byte[] list
        Calls: GroupCall list
        /// Calls before and after each replay.
        Replays: (int * int) list
    }

/// Steps of every data rank's rows; `options` makes those of a rank, which is told the model once it is there.
let private train
    (layout: Layout)
    (dtype: torch.ScalarType)
    (rows: int -> MicroBatch list list)
    (overlap: bool)
    (options: LocalRank -> (GraphOptions * (RankModel -> unit) * Heard) option)
    =
    LocalWorld.Results(
        layout.Degrees.World,
        (fun (rank: LocalRank) ->
            let made = options rank

            let heard =
                made |> Option.map (fun (_, _, heard) -> heard) |> Option.defaultWith Heard

            let groups =
                RankGroups(Topology layout.Degrees, rank, (fun group -> Listening(group, heard)))

            use model =
                RankModel.Build(
                    spec "LLAMA2",
                    layout,
                    groups,
                    RankModelOptions(
                        Dtype = dtype,
                        BucketElements = 2000L,
                        Dropout = false,
                        OverlapReduction = overlap,
                        OverlapGather = overlap,
                        Graphs = (made |> Option.map (fun (graphs, _, _) -> graphs) |> Option.toObj)
                    )
                )

            made |> Option.iter (fun (_, known, _) -> known model)
            model.Start 5UL

            let figures =
                [
                    for i, step in List.indexed (rows groups.Data.Rank) do
                        let figures = model.Gradients(Array.ofList step, loss)
                        Assert.True(update model (int64 (i + 1)) figures)
                        figures.Loss, figures.Norm
                ]

            let said = List.ofSeq heard.Calls

            {
                Figures = figures
                Bits = bitsOf model
                Calls = said
                Replays =
                    heard.Marks
                    |> List.ofSeq
                    |> List.chunkBySize 2
                    |> List.map (fun m -> m[0], m[1])
            }),
        Nullable(),
        Nullable 1
    )
    |> List.ofArray

/// Graphs of so many shapes by a recorder, and where its replays stand among the calls.
let private recordedBy (recorder: Recorder) shapes told =
    let heard = Heard()
    recorder.Marked <- heard.Mark

    let graphs =
        GraphOptions(
            12,
            PassGraphs.Start(shapes, 1, Int64.MaxValue),
            (fun _ -> recorder :> IPassCapture),
            Action<string> told
        )

    Some(graphs, ignore, heard)

/// Steps in which the rows of the data ranks have as many documents as these, or as few.
let private rowsOf micros (documents: int list) rank =
    let random = Random(3 + rank: int)
    let short = documents[rank % documents.Length]
    let lengths = List.replicate (short - 1) 1 @ [ tokens - short + 1 ]
    [ for _ in 1..4 -> [ for _ in 1..micros -> row random lengths ] ]

/// A call in words; those by which ranks agree on a recording are no part of a pass.
let private spoken (did: Did) =
    did.Calls
    |> List.filter (fun call -> not (call.Axis = "tensor" && call.Site.Number = RuntimeSites.Together))
    |> List.map string

let private same (plain: Did list) (recorded: Did list) =
    for before, after in List.zip plain recorded do
        Assert.Equal<(float * float) list>(before.Figures, after.Figures)
        Assert.Equal<byte[] list>(before.Bits, after.Bits)
        Assert.Equal<string list>(spoken before, spoken after)

let private layouts: Layout list =
    [
        layout 2 1 TensorMode.Mtp 1 GradientReduction.ReduceScatter 1
        layout 2 1 TensorMode.Mtp 2 GradientReduction.ReduceScatter 2
        layout 2 1 TensorMode.Mtp 2 GradientReduction.AllReduce 2
        layout 4 1 TensorMode.Mtp 2 GradientReduction.ReduceScatter 1
        layout 1 2 TensorMode.Mtp 1 GradientReduction.ReduceScatter 2
        layout 2 2 TensorMode.Mtp 2 GradientReduction.ReduceScatter 2
        layout 2 2 TensorMode.Msp 2 GradientReduction.ReduceScatter 1
        layout 1 2 TensorMode.Fsp 1 GradientReduction.ReduceScatter 2
        layout 1 2 TensorMode.Isp 1 GradientReduction.ReduceScatter 1
    ]

[<Fact>]
let ``ranks that record their passes make the calls of ranks that do not, and leave the same bits`` () =
    for layout in layouts do
        for dtype in [ torch.float32; torch.bfloat16 ] do
            for overlap in [ true; false ] do
                let micros = layout.MicroBatches
                let rows = rowsOf micros [ 3 ]

                let recorders = [ for _ in 1 .. layout.Degrees.World -> new Recorder(false) ]

                let recorded =
                    train layout dtype rows overlap (fun rank -> recordedBy recorders[rank.Rank] 2 ignore)

                same (train layout dtype rows overlap (fun _ -> None)) recorded

                // The last pass of a step is a graph of its own where ranks sum in it.
                let apart = overlap && micros > 1 && recorded.Length > layout.Degrees.Tensor

                for recorder in recorders do
                    Assert.Equal((if apart then 2 else 1), recorder.Recordings)
                    Assert.Equal(recorder.Recordings, recorder.Freed)

[<Fact>]
let ``gradients that are complete are on their way while a replayed pass goes on, and summed at its end`` () =
    let layout = layout 2 2 TensorMode.Mtp 2 GradientReduction.ReduceScatter 2
    let recorders = [ for _ in 1..4 -> new Recorder(false) ]

    let ranks =
        train layout torch.float32 (rowsOf 2 [ 3 ]) true (fun rank ->
            recordedBy recorders[rank.Rank] 2 ignore)

    let sums (call: GroupCall) =
        call.Site.Number = OptimizerSites.Reduce

    for did in ranks do
        let calls = Array.ofList did.Calls
        let within = [ for first, behind in did.Replays -> calls[first .. behind - 1] ]
        let last, others = within |> List.partition (Array.exists sums)
        Assert.NotEmpty others
        // The first step's last pass was a warm one.
        Assert.Equal(3, last.Length)

        for calls in last do
            let first = Array.findIndex sums calls
            let following = calls[first..] |> Array.filter (sums >> not)
            // Tensor ranks still sum the gradients of the layers before.
            Assert.Contains(following, fun call -> call.Axis = "tensor" && call.Site.Backward)

        let inside = last |> List.sumBy (Array.filter sums >> Array.length)
        let all = did.Calls |> List.filter sums |> List.length
        // Nothing is left for the time after a replay.
        Assert.Equal(inside, all / 4 * 3)

[<Fact>]
let ``ranks with rows of other shapes, or without graphs, sum gradients with ranks that replay`` () =
    for micros in [ 1; 2 ] do
        let layout = layout 4 1 TensorMode.Mtp 2 GradientReduction.ReduceScatter micros
        let rows = rowsOf micros [ 3; 12; 20; 2 ]
        let recorders = [ for _ in 1..4 -> new Recorder(false) ]

        let recorded =
            train layout torch.float32 rows true (fun rank ->
                match rank.Rank with
                | 1 -> None
                | 2 -> recordedBy recorders[2] 0 ignore
                | other -> recordedBy recorders[other] 2 ignore)

        same (train layout torch.float32 rows true (fun _ -> None)) recorded
        Assert.Equal<int list>([ micros; 0; 0; micros ], recorders |> List.map _.Recordings)

[<Fact>]
let ``a pass that one tensor rank cannot record is recorded by none, and each says why once`` () =
    let layout = layout 1 2 TensorMode.Mtp 1 GradientReduction.ReduceScatter 2
    let rows = rowsOf 2 [ 3 ]
    let recorders = [ new Recorder(false); new Recorder(true) ]
    let told = [ List<string>(); List<string>() ]

    let recorded =
        train layout torch.float32 rows true (fun rank ->
            recordedBy recorders[rank.Rank] 2 told[rank.Rank].Add)

    same (train layout torch.float32 rows true (fun _ -> None)) recorded

    for recorder in recorders do
        Assert.DoesNotContain("replay", recorder.Said)
        Assert.Equal(recorder.Recordings, recorder.Freed)

    Assert.Contains("another rank", Assert.Single told[0])
    Assert.Contains("not permitted", Assert.Single told[1])

/// Its recordings fail in the middle of the backward pass where tensor ranks talk, else at the end: what the device would have done is
/// taken back, what the host did is not.
type private Breaking(heard: Heard) =
    member val Model: RankModel | null = null with get, set

    interface IPassCapture with
        member _.Warm pass = pass.Invoke()

        member breaking.Capture pass =
            let optimizer = (nonNull breaking.Model).Optimizer
            let gradients = [ for p in optimizer.Parameters -> optimizer.GradientOf p.Name ]
            use _ = torch.NewDisposeScope()
            let before = gradients |> List.map _.clone()
            heard.Left <- 2

            try
                pass.Invoke()
                raise (TorchException("cuda graph", "out of memory"))
            finally
                heard.Left <- -1

                for gradient, kept in List.zip gradients before do
                    gradient.copy_ kept |> ignore
                    gradient.Dispose()

        member _.Dispose() = ()

[<Fact>]
let ``a recording that fails on its way leaves nothing begun: the pass is computed without`` () =
    for layout in
        [
            layout 2 1 TensorMode.Mtp 2 GradientReduction.ReduceScatter 2
            layout 1 2 TensorMode.Mtp 1 GradientReduction.ReduceScatter 1
            layout 2 2 TensorMode.Mtp 1 GradientReduction.ReduceScatter 1
        ] do
        let rows = rowsOf layout.MicroBatches [ 3 ]
        let told = [ for _ in 1 .. layout.Degrees.World -> List<string>() ]

        let recorded =
            train layout torch.float32 rows true (fun rank ->
                let heard = Heard()
                let recorder = new Breaking(heard)

                let graphs =
                    GraphOptions(
                        12,
                        PassGraphs.Start(2, 1, Int64.MaxValue),
                        (fun _ -> recorder),
                        Action<string> told[rank.Rank].Add
                    )

                Some(graphs, (fun model -> recorder.Model <- model), heard))

        for before, after in List.zip (train layout torch.float32 rows true (fun _ -> None)) recorded do
            Assert.Equal<(float * float) list>(before.Figures, after.Figures)
            Assert.Equal<byte[] list>(before.Bits, after.Bits)

        for reasons in told do
            Assert.Contains("out of memory", Assert.Single reasons)

/// As a GPU does: the host tells a pass when it is recorded, and not again.
type private Hollow() =
    interface IPassCapture with
        member _.Warm pass = pass.Invoke()

        member _.Capture pass =
            pass.Invoke()

            { new IRecordedPass with
                member _.Replay() = ()
                member _.Dispose() = ()
            }

        member _.Dispose() = ()

[<Fact>]
let ``collectives of replayed passes are counted as if each were called`` () =
    let layout = layout 2 1 TensorMode.Mtp 2 GradientReduction.ReduceScatter 2

    let counted graphs =
        LocalWorld.Results(
            2,
            (fun (rank: LocalRank) ->
                let flight = FlightRecord()

                let groups =
                    RankGroups(Topology layout.Degrees, rank, (fun group -> RecordedGroup(group, flight)))

                let options =
                    GraphOptions(
                        12,
                        PassGraphs.Start(2, 1, Int64.MaxValue),
                        (fun _ -> new Hollow() :> IPassCapture),
                        ignore,
                        Flight = flight
                    )

                use model =
                    RankModel.Build(
                        spec "LLAMA2",
                        layout,
                        groups,
                        RankModelOptions(
                            BucketElements = 2000L,
                            Dropout = false,
                            Graphs = (Option.toObj (if graphs then Some options else None))
                        )
                    )

                model.Start 5UL

                for i, step in List.indexed (rowsOf 2 [ 3 ] groups.Data.Rank) do
                    update model (int64 (i + 1)) (model.Gradients(Array.ofList step, loss))
                    |> ignore

                flight.Begun
                |> Seq.map (fun series -> series.Key, series.Value)
                |> Seq.sort
                |> List.ofSeq),
            Nullable(),
            Nullable 1
        )

    Assert.Equal<(string * int64) list array>(counted false, counted true)
