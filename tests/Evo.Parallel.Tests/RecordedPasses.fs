/// Passes that are recorded and replayed give the bits of passes that are not, whatever the rows hold.
module Evo.Parallel.Tests.RecordedPasses

open System
open System.Collections.Generic
open Evo.Core
open Evo.Models
open Evo.Parallel
open Evo.Parallel.Tests.PassRecorders
open Evo.Parallel.Tests.TinyRuns
open Evo.Torch
open FsCheck
open FsCheck.FSharp
open TorchSharp
open Xunit

let private steps =
    gen {
        let! seed = Gen.choose (0, 1000)
        let! most = Gen.elements [ 2; 12; 24 ]
        let! steps = Gen.choose (1, 4)
        let! micros = Gen.choose (1, 3)
        let! rows = Gen.listOfLength (steps * micros) (lengths most)
        let random = Random seed
        return rows |> List.map (row random) |> List.chunkBySize micros
    }

/// Losses and norms of the steps, and every bit that they left.
let private train
    family
    (dtype: torch.ScalarType)
    recompute
    (options: GraphOptions | null)
    (steps: MicroBatch list list)
    =
    use model =
        RankModel.OnOneRank(
            spec family,
            RankModelOptions(Dtype = dtype, Graphs = options, Dropout = false),
            recompute
        )

    model.Start 5UL

    let figures =
        [
            for i, step in List.indexed steps do
                let figures = model.Gradients(Array.ofList step, loss)
                Assert.True(model.Update(AdamRates(1e-2, 0.9, 0.95, 1e-8, 0.1), int64 (i + 1), figures, 1.0))
                figures.Loss, figures.ZLoss, figures.Norm, figures.Accuracy
        ]

    figures, bitsOf model

[<Theory; InlineData("LLAMA2", 0.0); InlineData("GPT2", 0.0); InlineData("INTERNLM2", 1.0)>]
let ``rows that change under a recorded pass, in tokens, labels that count and number of sequences, give the bits of plain passes``
    (family: string, recompute: float)
    =
    let mutable replays = 0

    Check.One(
        Config.QuickThrowOnFailure.WithMaxTest 12,
        Prop.forAll (Arb.fromGen steps) (fun steps ->
            for dtype in [ torch.float32; torch.bfloat16 ] do
                use recorder = new Recorder(false)
                let plain = train family dtype recompute null steps
                let recorded = train family dtype recompute (graphs recorder ignore) steps
                Assert.Equal<float * float * float * float>(fst plain, fst recorded)
                Assert.Equal<byte[] list>(snd plain, snd recorded)
                Assert.Equal(recorder.Recordings, recorder.Freed)
                Assert.True(List.last recorder.Said = "closed")
                replays <- replays + (recorder.Said |> List.filter ((=) "replay") |> List.length))
    )

    Assert.True(replays > 25, $"{replays} replays")

[<Fact>]
let ``a recorder is warmed, records once, replays from then on, and is closed with the model`` () =
    use recorder = new Recorder(false)
    let told = List<string>()
    train "LLAMA2" torch.float32 0.0 (graphs recorder told.Add) alike |> ignore

    Assert.Equal<string list>(
        [
            "warm"
            "capture"
            "replay"
            "replay"
            "replay"
            "replay"
            "replay"
            "closed"
        ],
        recorder.Said
    )

    Assert.Empty told

[<Fact>]
let ``a pass that cannot be recorded is run as it is, with the same bits, and said once`` () =
    use recorder = new Recorder(true)
    let told = List<string>()
    let tried = train "LLAMA2" torch.float32 0.0 (graphs recorder told.Add) alike
    let plain = train "LLAMA2" torch.float32 0.0 null alike
    Assert.Equal<float * float * float * float>(fst plain, fst tried)
    Assert.Equal<byte[] list>(snd plain, snd tried)
    Assert.Equal<string list>([ "warm"; "capture"; "closed" ], recorder.Said)
    Assert.Contains("not permitted when stream is capturing", Assert.Single told)

[<Fact>]
let ``plain attention, which looks at borders, is seen in the warm pass and not recorded`` () =
    use recorder = new Recorder(false)
    let told = List<string>()
    let before = Ops.UseNative
    Ops.UseNative <- false

    try
        train "LLAMA2" torch.float32 0.0 (graphs recorder told.Add) alike |> ignore
    finally
        Ops.UseNative <- before

    Assert.Equal<string list>([ "warm"; "closed" ], recorder.Said)
    Assert.Contains("the host reads", Assert.Single told)

[<Fact>]
let ``a pass without its graphs reads nothing more, and a replayed step reads once`` () =
    use recorder = new Recorder(false)

    use model =
        RankModel.OnOneRank(spec "LLAMA2", RankModelOptions(Graphs = graphs recorder ignore))

    model.Start 5UL
    let rates = AdamRates(1e-2, 0.9, 0.95, 1e-8, 0.1)

    let reads number =
        let before = HostReads.OfThisThread

        model.Update(rates, number, model.Gradients(Array.ofList alike[0], loss), 1.0)
        |> ignore

        HostReads.OfThisThread - before

    Assert.Equal<int64 list>([ 1L; 1L; 1L ], [ 1L .. 3L ] |> List.map reads)

[<Fact>]
let ``steps with graphs leave no tensor behind`` () =
    use recorder = new Recorder(false)

    use model =
        RankModel.OnOneRank(spec "LLAMA2", RankModelOptions(Graphs = graphs recorder ignore))

    model.Start 5UL

    let step number =
        model.Update(
            AdamRates(1e-2, 0.9, 0.95, 1e-8, 0.1),
            number,
            model.Gradients(Array.ofList alike[0], loss),
            1.0
        )
        |> ignore

    step 1L
    step 2L
    let before = Folders.liveTensors ()

    for number in 3L .. 6L do
        step number

    Assert.Equal(before, NativeMemory.LiveTensors)

[<Fact>]
let ``a run that may have graphs and cannot says why once, and computes the same`` () =
    let trained (value: string) =
        use folder = new Folders.TemporaryFolder()
        writeData folder.Path

        let config =
            config folder.Path "LLAMA2" [ $"train.cuda_graph={value}"; "data.total_steps=3" ]

        let _, events = run config

        let warnings =
            events
            |> List.choose (fun event ->
                match event with
                | :? TrainEvent.Warning as it when it.Message.Contains "cuda_graph" -> Some it.Message
                | _ -> None)

        metrics config, warnings

    let plain, silent = trained "false"
    let same, said = trained "auto"
    Assert.Equal<(string * string) list list>(plain, same)
    Assert.Empty silent
    Assert.StartsWith("train.cuda_graph = auto", Assert.Single said)
    Assert.Contains("train.device", said[0])

[<Fact>]
let ``a run that must have graphs and cannot does not begin`` () =
    use folder = new Folders.TemporaryFolder()
    writeData folder.Path

    let config =
        config folder.Path "MIXTRALMOE" [ "train.cuda_graph=true"; "kernels=plain" ]

    let error = Assert.Throws<TrainingException>(fun () -> run config |> ignore)

    for words in
        [
            "train.cuda_graph = true"
            "train.device"
            "kernels = plain"
            "experts"
            "auto or false"
        ] do
        Assert.Contains(words, error.Message)
