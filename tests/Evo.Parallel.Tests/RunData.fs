/// What a run reads: the same global batches for any number of ranks and from any step on, whatever the data is.
module Evo.Parallel.Tests.RunData

open System
open System.IO
open System.Text.Json
open System.Threading
open Evo.Core
open Evo.Data
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.TinyRuns
open Xunit

let private vocabulary = 320

/// Token files of three types, a tokenizer, texts, and stored steps.
let private withData () =
    let folder = new TemporaryFolder()

    for seed, kind in List.indexed [ "en"; "cn"; "code" ] do
        writeTokens (folder.File $"train/{kind}/a.bin") seed 150

    writeTokens (folder.File "valid/en/a.bin") 7 30
    writeTokens (folder.File "valid/code/a.bin") 8 30
    let random = Random 5

    let words =
        [|
            "tree"
            "house"
            "river"
            "gets"
            "the"
            "number"
            "of"
            "a"
            "small"
            "element"
        |]

    Directory.CreateDirectory(folder.File "text") |> ignore

    for file in 0..1 do
        File.WriteAllLines(
            folder.File $"text/{file}.jsonl",
            [
                for i in 1..150 ->
                    let text =
                        String.Join(
                            ' ',
                            [ for _ in 1 .. random.Next(4, 12) -> words[random.Next words.Length] ]
                        )

                    JsonSerializer.Serialize {| text = $"{text} {i}." |}
            ]
        )

    SentencePieceTrainer.Train(
        SentencePieceOptions(VocabSize = vocabulary),
        TextFiles.Documents(folder.File "text/0.jsonl"),
        folder.File "t"
    )
    |> ignore

    folder

let private places (folder: TemporaryFolder) (config: RunConfig) =
    DataPlaces(
        (match config.Data.TrainFolder with
         | null -> ""
         | train -> train),
        folder.File "valid",
        folder.File "t.model"
    )

/// Every kind of data that a run can be told to read.
let private kinds (folder: TemporaryFolder) =
    [
        [ "data.packing=best_fit" ]
        [ "data.packing=cut" ]
        [ "data.packing=cut"; "data.pack_sample_into_one=true" ]
        [ "data.packing=unpacked" ]
        [ "data.order=internevo" ]
        [ "data.order=internevo"; "data.pack_sample_into_one=true" ]
        [ """data.mixture=["0.5 en", "0.3 cn", "0.2 code"]""" ]
        [
            "data.type=streaming"
            $"data.train_folder={folder.Path}/text"
            $"data.tokenizer_path={folder.Path}/t.model"
        ]
        [ "data.type=dummy"; "data.train_folder=null"; "data.seq_len=16" ]
    ]

let private runConfig (folder: TemporaryFolder) sets =
    config folder.Path "LLAMA2" ([ "data.rows_per_step=6"; $"model.vocab_size={vocabulary}" ] @ sets)

let private opened (folder: TemporaryFolder) (config: RunConfig) rank ranks =
    new TrainingData(config, places folder config, vocabulary, rank, ranks)

let private content (micro: MicroBatch) =
    micro.FirstToken, List.ofArray micro.Tokens, List.ofArray micro.Labels, List.ofArray micro.Boundaries

/// The rows of some steps, each in the order of one rank, as so many ranks read them.
let private steps (folder: TemporaryFolder) config ranks (numbers: int64 list) =
    let read rank =
        use data = opened folder config rank ranks
        [ for step in numbers -> data.Batch step |> Seq.map content |> List.ofSeq ]

    [ for rank in 0 .. ranks - 1 -> read rank ]
    |> List.transpose
    |> List.map (List.concat >> List.sortBy (fun (first, _, _, _) -> first))

[<Fact>]
let ``a step reads the same rows however many ranks there are`` () =
    use folder = withData ()

    for sets in kinds folder do
        let config = runConfig folder sets
        let alone = steps folder config 1 [ 0L .. 14L ]
        Assert.All(alone, fun rows -> Assert.Equal(6, rows.Length))

        for ranks in [ 2; 3; 6 ] do
            Assert.True((alone = steps folder config ranks [ 0L .. 14L ]), $"{sets} on {ranks} ranks")

[<Fact>]
let ``a run that begins with a later step reads on as if it had never stopped`` () =
    use folder = withData ()

    for sets in kinds folder do
        let config = runConfig folder sets
        use whole = opened folder config 0 2

        let rows =
            [
                for step in 0L .. 20L ->
                    whole.CursorAt step, whole.Batch step |> Seq.map content |> List.ofSeq
            ]

        for from in [ 1; 7; 20 ] do
            use resumed = opened folder config 0 2
            resumed.Begin(int64 from, fst rows[from])

            for step in from..20 do
                Assert.True(
                    (snd rows[step] = (resumed.Batch(int64 step) |> Seq.map content |> List.ofSeq)),
                    $"{sets} from step {from}"
                )

[<Fact>]
let ``rows hold documents of one type, and those of a mixture come as their weights say`` () =
    use folder = withData ()

    let config =
        runConfig folder [ """data.mixture=["0.5 en", "0.3 cn", "0.2 code"]""" ]

    use data = opened folder config 0 1
    Assert.Equal<string>([ "en"; "cn"; "code" ], data.Types)

    let types =
        [
            for step in 0L .. 19L do
                for micro in data.Batch step -> micro.Type
        ]

    for count in 1 .. types.Length do
        for kind, weight in List.indexed [ 0.5; 0.3; 0.2 ] do
            let given = types |> List.take count |> List.filter ((=) kind) |> List.length

            Assert.True(
                abs (float given - weight * float count) < 1.0,
                $"{given} of {count} rows are of {data.Types[kind]}"
            )

[<Fact>]
let ``a source of a mixture that is too small is named`` () =
    use folder = withData ()
    writeTokens (folder.File "train/tiny/a.bin") 3 1

    let config =
        runConfig folder [ """data.mixture=["1 en", "1 tiny"]"""; "data.packing=cut" ]

    let error =
        Assert.Throws<DataException>(fun () -> (opened folder config 0 1).Dispose())

    Assert.Contains("tiny", error.Message)
    Assert.Contains("fill a row", error.Message)

[<Fact>]
let ``InternEvo's order needs the rows of one step at least, and says so`` () =
    use folder = withData ()
    let config = runConfig folder [ "data.order=internevo"; "data.rows_per_step=6000" ]

    let error =
        Assert.Throws<DataException>(fun () -> (opened folder config 0 1).Dispose())

    Assert.Contains("6000 rows of one step", error.Message)

let private events (config: RunConfig) ranks =
    [
        for event in eventsOn ranks config do
            match event with
            | :? TrainEvent.StepDone as it -> it.Report
            | _ -> ()
    ]

[<Fact>]
let ``the losses of types add up to the loss of the step, on one rank and on several`` () =
    let reports ranks sets =
        use folder = withData ()

        let config =
            runConfig
                folder
                ([
                    "data.total_steps=4"
                    "data.valid_every=2"
                    "model.dtype=float64"
                    "data.rows_per_step=12"
                 ]
                 @ sets)

        let reports = events config ranks

        let lines =
            File.ReadAllLines(Path.Combine(config.Folder, "metrics.jsonl"))
            |> Array.map (fun line -> JsonDocument.Parse(line).RootElement.Clone())

        for report in reports do
            Assert.InRange(Seq.length report.TypeLosses, 2, 3)
            Assert.Equal(report.RealTokens, report.TypeLosses |> Seq.sumBy _.Targets)

            let sum =
                report.TypeLosses |> Seq.sumBy (fun kind -> kind.Loss * float kind.Targets)

            Assert.Equal(report.Loss, sum / float report.RealTokens, 1e-9)

            let right =
                report.TypeLosses |> Seq.sumBy (fun kind -> kind.Accuracy * float kind.Targets)

            Assert.Equal(report.Accuracy, right / float report.RealTokens, 1e-9)

        let code = reports[0].TypeLosses |> Seq.find (fun kind -> kind.Type = "code")
        Assert.Equal(lines[0].GetProperty("loss/code").GetDouble(), code.Loss, 1e-9)
        Assert.Equal(lines[0].GetProperty("acc/code").GetDouble(), code.Accuracy, 1e-9)
        let valid = lines[1]

        Assert.NotEqual(
            valid.GetProperty("valid_loss/en").GetDouble(),
            valid.GetProperty("valid_loss/code").GetDouble()
        )

        reports
        |> List.map (fun report ->
            [
                for kind in report.TypeLosses -> (kind.Type, kind.Targets, kind.Accuracy), kind.Loss
            ])

    let alone = reports 1 []

    for ranks, sets in
        [
            2, []
            4, [ "parallel.tensor.size=2"; "parallel.pipeline.size=2" ]
            4, [ "parallel.tensor.size=2"; "parallel.tensor.mode=isp" ]
        ] do
        for one, many in List.zip (List.concat alone) (List.concat (reports ranks sets)) do
            let (counts, loss), (sameCounts, sameLoss) = one, many
            Assert.Equal(counts, sameCounts)
            Assert.Equal(loss, sameLoss, 1e-7)

[<Fact>]
let ``a run on streamed text that is stopped goes on with the same rows`` () =
    use folder = withData ()

    let sets job =
        [
            "data.type=streaming"
            $"data.train_folder={folder.Path}/text"
            $"data.tokenizer_path={folder.Path}/t.model"
            "data.total_steps=12"
            $"run_folder={folder.Path}/{job}"
        ]

    let whole = runConfig folder (sets "whole")
    run whole |> ignore
    let parts = runConfig folder (sets "parts")
    let stopped = runUntil 5L parts
    Assert.Equal(RunEnd.Stopped, stopped.End)
    run parts |> ignore
    Assert.Equal<(string * string) list list>(metrics whole, metrics parts)

    let last (config: RunConfig) =
        Path.Combine(config.CheckpointFolder, "12")

    Assert.Equal<(string * string) list>(bits (last whole), bits (last parts))

[<Fact>]
let ``a run on made-up data needs no files`` () =
    use folder = withData ()

    let config =
        runConfig folder [ "data.type=dummy"; "data.train_folder=null"; "data.total_steps=2" ]

    let result, _ = run config
    Assert.Equal(RunEnd.Completed, result.End)
