/// Making token files and a tokenizer on first use.
module Evo.Parallel.Tests.Preparations

open System
open System.IO
open System.Threading
open Evo.Core
open Evo.Data
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Xunit

let private text lines =
    let random = Random 3

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
            "stone"
            "returns"
        |]

    [
        for i in 1..lines ->
            String.Join(' ', [ for _ in 1 .. random.Next(4, 12) -> words[random.Next words.Length] ])
            + $" {i}."
    ]

let private config (folder: TemporaryFolder) sets =
    let text =
        $$"""{
          "job_name": "prepared", "run_folder": "{{folder.Path}}/run", "model_type": "NONE",
          "data": { "seq_len": 16, "total_steps": 1 },
          "prepare": { "source": "text", "input": "{{folder.Path}}/input", "folder": "{{folder.Path}}/data", "vocab_size": 320, "held_out": 0.2 }
        }"""

    // The preparation does not look at the model.
    let family =
        {
            Family = "NONE"
            Architecture = "-"
            Doc = ""
            Keys = []
        }

    match Config.load [ family ] sets "test" text with
    | Ok run -> run
    | Error problems -> failwithf "%A" problems

let private withInput lines =
    let folder = new TemporaryFolder()
    Directory.CreateDirectory(folder.File "input") |> ignore
    File.WriteAllLines(folder.File "input/words.txt", text lines)
    folder

let private prepare config =
    let seen = Collections.Generic.List<PreparationEvent>()

    let progress =
        { new IProgress<PreparationEvent> with
            member _.Report event = seen.Add event
        }

    let places = Preparation.Run(config, progress, CancellationToken.None)

    let worked =
        [
            for event in seen do
                match event with
                | :? PreparationEvent.Finished as it -> it.Step
                | _ -> ()
        ]

    places, worked

let private all =
    [
        PreparationStep.Extract
        PreparationStep.TrainTokenizer
        PreparationStep.Tokenize
    ]

/// Every prepared file with its content, by name.
let private files (folder: TemporaryFolder) =
    [
        for path in
            Directory.GetFiles(folder.File "data", "*", SearchOption.AllDirectories)
            |> Array.sort do
            Path.GetRelativePath(folder.Path, path), Convert.ToBase64String(File.ReadAllBytes path)
    ]

[<Fact>]
let ``text becomes training and held-out tokens that a run can read`` () =
    use folder = withInput 400
    let places, worked = prepare (config folder [])
    Assert.Equal<PreparationStep list>(all, worked)
    use train = TokenDataset.Open(places.TrainFolder, 320)
    use valid = TokenDataset.Open(nonNull places.ValidFolder, 320)
    Assert.Equal(400, train.DocumentCount + valid.DocumentCount)
    Assert.InRange(valid.DocumentCount, 40, 120)
    use tokenizer = SentencePieceTokenizer.Load(nonNull places.TokenizerPath)
    let first = Array.zeroCreate train.Lengths[0]
    train.Read(0, 0, Span first)
    Assert.Contains(tokenizer.Decode(first).Trim(), text 400)

[<Fact>]
let ``what is up to date is not made again, even without the text it was made from`` () =
    use folder = withInput 400
    prepare (config folder []) |> ignore
    let _, again = prepare (config folder [])
    Assert.Empty again
    Directory.Delete(folder.File "data/text", true)
    let _, again = prepare (config folder [])
    Assert.Empty again

[<Fact>]
let ``changed text, a changed option and a missing file are made anew from there on`` () =
    use folder = withInput 400
    prepare (config folder []) |> ignore
    let _, worked = prepare (config folder [ "prepare.tokenizer_type=unigram" ])
    Assert.Equal<PreparationStep list>(List.tail all, worked)
    prepare (config folder []) |> ignore
    File.Delete(folder.File "data/valid/en/text.bin")
    let _, worked = prepare (config folder [])
    Assert.Equal<PreparationStep list>([ PreparationStep.Tokenize ], worked)
    File.AppendAllText(folder.File "input/words.txt", "another line of text\n")
    let _, worked = prepare (config folder [])
    Assert.Equal<PreparationStep list>(all, worked)

[<Fact>]
let ``an interrupted preparation ends, when it is run again, in the same files`` () =
    use whole = withInput 400
    prepare (config whole []) |> ignore

    for step in all do
        for atEnd in [ false; true ] do
            use folder = withInput 400

            File.SetLastWriteTimeUtc(
                folder.File "input/words.txt",
                File.GetLastWriteTimeUtc(whole.File "input/words.txt")
            )

            use stop = new CancellationTokenSource()

            let interrupt =
                { new IProgress<PreparationEvent> with
                    member _.Report event =
                        match event with
                        | :? PreparationEvent.Started as it when it.Step = step && not atEnd -> stop.Cancel()
                        | :? PreparationEvent.Progress as it when it.Step = step && atEnd -> stop.Cancel()
                        | _ -> ()
                }

            try
                Preparation.Run(config folder [], interrupt, stop.Token) |> ignore
            with :? OperationCanceledException ->
                ()

            prepare (config folder []) |> ignore

            let withoutStamps files =
                files |> List.filter (fun (name: string, _) -> not (name.Contains "prepared-"))

            Assert.Equal<(string * string) list>(withoutStamps (files whole), withoutStamps (files folder))

[<Fact>]
let ``a stamp that was damaged is not believed`` () =
    use folder = withInput 400
    prepare (config folder []) |> ignore
    let stamp = Directory.GetFiles(folder.File "data", "prepared-3*")[0]
    File.WriteAllText(stamp, "{ \"Inputs\":")
    let _, worked = prepare (config folder [])
    Assert.Equal<PreparationStep list>([ PreparationStep.Tokenize ], worked)

[<Fact>]
let ``an input that is not there is an error that names it`` () =
    use folder = withInput 400

    let error =
        Assert.Throws<DataException>(fun () ->
            prepare (config folder [ $"prepare.input={folder.Path}/nowhere" ]) |> ignore)

    Assert.Contains("nowhere", error.Message)
    Assert.Contains("prepare.input", error.Message)
