/// `evo checkpoint`: what a person asks of what a run has saved.
module Evo.Cli.Tests.CheckpointVerbTests

open System.IO
open System.Text.Json
open Xunit
open Evo.Cli.Tests.Command

[<Fact>]
let ``checkpoints are listed, shown, verified, pruned and converted`` () =
    use folder = TrainTests.world ()
    let run = runIn folder.Path
    let trained = run [ "train"; "run.json"; "--set"; "ckpt.checkpoint_every=3" ]
    Assert.True((trained.Code = 0), trained.Errors)

    let place step =
        Path.Combine("runs/small/checkpoints", string step)

    let listed = run [ "checkpoint"; "list"; "runs/small"; "--json" ]
    Assert.Equal(0, listed.Code)
    use json = JsonDocument.Parse listed.Output

    Assert.Equal<int64 list>(
        [ 12L; 9L; 6L; 3L ],
        [
            for item in json.RootElement.EnumerateArray() -> item.GetProperty("step").GetInt64()
        ]
    )

    Assert.Contains("runs/small/checkpoints/9", (run [ "checkpoint"; "list"; "runs/small" ]).Output)
    let shown = run [ "checkpoint"; "show"; place 9 ]
    Assert.Equal(0, shown.Code)
    Assert.Contains("optimizer-00001-of-00001.safetensors", shown.Output)

    let tensor =
        run [ "checkpoint"; "show"; place 9; "--tensor"; "exp_avg.embed.weight" ]

    Assert.True((tensor.Code = 0), tensor.Errors)
    Assert.Contains("[0:384, 0:32]", tensor.Output)

    let unknown =
        run [ "checkpoint"; "show"; place 9; "--tensor"; "exp_avg.embde.weight" ]

    Assert.Equal(4, unknown.Code)
    Assert.Contains("did you mean exp_avg.embed.weight?", unknown.Errors)

    Assert.Equal(0, (run [ "checkpoint"; "verify"; "runs/small" ]).Code)
    let file = folder.File(Path.Combine(place 6, "model.safetensors"))
    let bytes = File.ReadAllBytes file
    bytes[bytes.Length - 1] <- bytes[bytes.Length - 1] ^^^ 16uy
    File.WriteAllBytes(file, bytes)
    let verified = run [ "checkpoint"; "verify"; "runs/small" ]
    Assert.Equal(1, verified.Code)
    Assert.Contains("checkpoints/6: NOT whole: ", verified.Output)
    Assert.Contains("checkpoints/9: whole", verified.Output)

    let planned = run [ "checkpoint"; "prune"; "runs/small"; "--keep-every"; "9" ]
    Assert.Equal(0, planned.Code)
    Assert.True(Directory.Exists(folder.File(place 3)))

    let pruned =
        run [ "checkpoint"; "prune"; "runs/small"; "--keep-every"; "9"; "--yes" ]

    Assert.Contains("removed", pruned.Output)

    Assert.Equal<bool list>(
        [ false; false; true; true ],
        [ for step in [ 3; 6; 9; 12 ] -> Directory.Exists(folder.File(place step)) ]
    )

    let converted =
        run [ "checkpoint"; "convert"; place 9; "--out"; "half"; "--dtype"; "bfloat16" ]

    Assert.True((converted.Code = 0), converted.Errors)
    Assert.True(File.Exists(folder.File "half/model.safetensors"))

[<Fact>]
let ``what is no checkpoint is said to be none`` () =
    use folder = TrainTests.world ()
    let run = runIn folder.Path

    for verb in [ "list"; "show"; "verify"; "prune" ] do
        let answer = run [ "checkpoint"; verb; "runs/none" ]
        Assert.Equal(4, answer.Code)
        Assert.Contains("runs/none: no such folder", answer.Errors)

    let shown = run [ "checkpoint"; "show"; "." ]
    Assert.Equal(4, shown.Code)
    Assert.Contains("manifest.json", shown.Errors)
