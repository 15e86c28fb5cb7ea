/// Programs written for TorchSharp compile unchanged against TorchSharp's signatures and against Evo.Torch, and run.
module Evo.Torch.Tests.Reference.Programs

open System.IO
open System.Reflection
open Xunit
open TorchSharp
open Compiling

let private text name =
    Path.Combine(Surface.folder, "Programs", name + ".cs"),
    File.ReadAllText(Path.Combine(Surface.folder, "Programs", name + ".cs"))

let private evo = lazy (referenceFile typeof<torch>.Assembly.Location)

let private sources name =
    [ text name; "usings.cs", implicitUsings ]

let private mustCompile name references =
    match compile name (sources name) references with
    | Ok bytes -> bytes
    | Error errors ->
        let shown = errors |> List.truncate 30 |> String.concat "\n"
        failwith $"{name} does not compile:\n{shown}"

let private run (program: string) (steps: int) : float32[] =
    let assembly = Assembly.Load(mustCompile program [ evo.Value ])

    match assembly.GetType program |> Option.ofObj with
    | None -> failwith $"no class {program}"
    | Some t ->
        match t.GetMethod "Train" |> Option.ofObj with
        | None -> failwith $"no {program}.Train"
        | Some train ->
            match train.Invoke(null, [| box steps |]) with
            | :? (float32[]) as losses -> losses
            | other -> failwith $"{program}.Train gave {other}"

[<Fact>]
let ``the list of signatures makes a reference assembly`` () = Assert.NotNull(torchSharp.Value)

[<Theory>]
[<InlineData("MlpClassifier")>]
[<InlineData("CharacterGpt")>]
let ``a TorchSharp program compiles against TorchSharp's signatures`` (program: string) =
    Assert.NotEmpty(mustCompile program [ torchSharp.Value ])

[<Theory>]
[<InlineData("MlpClassifier")>]
[<InlineData("CharacterGpt")>]
let ``the same text compiles against Evo.Torch`` (program: string) =
    Assert.NotEmpty(mustCompile program [ evo.Value ])

[<Fact>]
let ``a program that TorchSharp refuses does not compile against its signatures`` () =
    let wrong =
        "using TorchSharp; public class Wrong : torch.nn.Module<torch.Tensor, torch.Tensor> { public Wrong() : base(\"w\") { } public int X() => torch.ones(2).rows; }"

    match compile "Wrong" [ "wrong.cs", wrong ] [ torchSharp.Value ] with
    | Ok _ -> failwith "compiled"
    | Error errors ->
        Assert.Contains(errors, (fun e -> e.Contains "CS0534" && e.Contains "forward"))
        Assert.Contains(errors, (fun e -> e.Contains "CS1061" && e.Contains "rows"))

[<Fact>]
let ``the classifier learns its spirals`` () =
    let losses = run "MlpClassifier" 150
    Assert.True(losses[0] > 1.0f, $"starts at {losses[0]}")
    Assert.True(losses[149] < 0.35f, $"ends at {losses[149]}")
    Assert.True(losses[150] > 0.9f, $"{losses[150]} right")

[<Fact>]
let ``the character GPT learns its sentence, and a saved model gives the same logits`` () =
    let losses = run "CharacterGpt" 120
    Assert.True(losses[0] > 3.0f, $"starts at {losses[0]}")
    Assert.True(losses[119] < 0.8f, $"ends at {losses[119]}")
    Assert.Equal(0.0f, losses[120])
