/// `evo train --profile`: what a step spends its time on.
module Evo.Cli.Tests.ProfileTests

open System
open System.Globalization
open System.IO
open System.Text.Json
open Xunit
open Evo.Cli.Tests.Command

/// The rows of the first table: the kinds, with their parts of the step in percent.
let private shares (text: string) =
    text.Split '\n'
    |> Array.skipWhile (fun line -> not (line.StartsWith "kind"))
    |> Array.skip 1
    |> Array.takeWhile (fun line -> line <> "")
    |> Array.map (fun line ->
        let words = line.Split("  ", StringSplitOptions.RemoveEmptyEntries)
        words[0], Double.Parse(words[2].Trim().TrimEnd('%', ' '), CultureInfo.InvariantCulture))
    |> List.ofArray

let private profiled (folder: Folder) more =
    let trained =
        runIn folder.Path ([ "train"; "run.json"; "--profile"; "--set"; "data.total_steps=4" ] @ more)

    Assert.True((trained.Code = 0), trained.Errors)
    let text = File.ReadAllText(folder.File "runs/small/profile.txt")
    Assert.Contains("step 3: ", text)
    // What is written is what was shown.
    Assert.Contains(text.Trim(), trained.Errors.Replace("\r", ""))
    text

[<Fact>]
let ``a step is told by kind and by operator, and drawn as a trace`` () =
    use folder = TrainTests.world ()
    let text = profiled folder []
    let shares = shares text

    Assert.Equal<string list>(
        [ "attention"; "host"; "matrix products"; "memory-bound" ],
        shares |> List.map fst |> List.sort
    )

    Assert.InRange(shares |> List.sumBy snd, 99.0, 101.0)
    Assert.All(shares, (fun (_, share) -> Assert.InRange(share, 0.1, 99.0)))
    Assert.Contains("GFLOP/s", text)
    // The loss, and the norm of the gradients.
    Assert.Contains("values were read once", text)
    Assert.Contains("GB/s", text)

    for name in [ "evo::linear"; "Linear backward"; "evo::causal_attention" ] do
        Assert.Contains(name, text)

    use trace =
        JsonDocument.Parse(File.ReadAllText(folder.File "runs/small/profile.json"))

    let names =
        [
            for event in trace.RootElement.GetProperty("traceEvents").EnumerateArray() ->
                string (event.GetProperty("name").GetString())
        ]

    for name in [ "step 3"; "evo::causal_attention"; "evo::adamw_" ] do
        Assert.Contains(name, names)

[<Fact>]
let ``of several ranks the first says how long it waits for the others`` () =
    use folder = TrainTests.world ()
    let shares = profiled folder [ "--nproc"; "2" ] |> shares
    Assert.Contains("communication", List.map fst shares)
    Assert.InRange(shares |> List.sumBy snd, 99.0, 101.0)
