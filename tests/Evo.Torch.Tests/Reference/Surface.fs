/// Our namespace TorchSharp against the list of TorchSharp's signatures.
module Evo.Torch.Tests.Reference.Surface

open System
open System.IO
open Xunit
open TorchSharp

/// Where the lists are: beside the test assembly.
let folder = Path.Combine(AppContext.BaseDirectory, "Reference")

let linesOf file =
    File.ReadAllLines(Path.Combine(folder, file))
    |> Array.filter (fun line -> line.Trim() <> "" && not (line.StartsWith '#') && not (line.StartsWith '@'))

/// What counts of a line: everything but whether a member is virtual and whether a class is sealed or abstract.
let normal (line: string) =
    let line = line.Replace(" virtual", "").Replace(" abstract", "")

    match line.IndexOf "  [" with
    | at when at > 0 ->
        let kind = line[at + 3 ..]

        let kind =
            if kind.Contains "struct" then "struct"
            elif kind.Contains "enum" then "enum"
            elif kind.Contains "interface" then "interface"
            elif kind.Contains "static" then "static class"
            elif kind.Contains "MulticastDelegate" then "delegate"
            else "class"

        $"{line[.. at - 1]}  [{kind}]"
    | _ -> line

let ours = lazy (Reflected.surface typeof<torch>.Assembly "TorchSharp")

let theirs =
    lazy
        (Seq.append (linesOf "torchsharp-api.txt") (linesOf "torchsharp-beyond.txt")
         |> Seq.map normal
         |> Set.ofSeq)

/// The accepted list is written anew, into the sources, when the variable EVO_ACCEPT is set; look at the difference.
let accepted (file: string) (now: string list) =
    let built = Path.Combine(folder, file)

    match Environment.GetEnvironmentVariable "EVO_ACCEPT" with
    | null
    | "" -> Assert.Equal(String.Join("\n", now), String.Join("\n", File.ReadAllLines built))
    | _ ->
        let rec source (at: DirectoryInfo | null) =
            match at with
            | null -> failwithf "no tests/Evo.Torch.Tests above %s" AppContext.BaseDirectory
            | at when Directory.Exists(Path.Combine(at.FullName, "tests", "Evo.Torch.Tests")) ->
                Path.Combine(at.FullName, "tests", "Evo.Torch.Tests", "Reference", file)
            | at -> source at.Parent

        File.WriteAllText(source (DirectoryInfo AppContext.BaseDirectory), String.Join("\n", now) + "\n")

[<Fact>]
let ``every public member of ours has TorchSharp's name, parameters and defaults`` () =
    let strangers =
        ours.Value
        |> List.filter (fun line ->
            not (theirs.Value.Contains(normal line))
            && not (line.Contains " protected")
            && not (line.EndsWith ".value__ : int"))

    Assert.True(strangers.IsEmpty, "not in TorchSharp:\n" + String.Join("\n", strangers))

[<Fact>]
let ``the list of what is covered is what we have`` () =
    ours.Value
    |> List.map normal
    |> List.filter theirs.Value.Contains
    |> List.distinct
    |> accepted "torchsharp-covered.txt"

[<Fact>]
let ``every line of the list can be read and written back`` () =
    for line in linesOf "torchsharp-api.txt" do
        let parsed = Signatures.parse line
        Assert.Equal(line, parsed.Text)
        Assert.NotEmpty(Signatures.showType parsed.Owner)

[<Fact>]
let ``the parts of tuples have TorchSharp's names`` () =
    let directives = Directives.read (Path.Combine(folder, "torchsharp-beyond.txt"))

    let types =
        typeof<torch>.Assembly.GetTypes()
        |> Seq.map (fun t -> Reflected.name t, t)
        |> Map.ofSeq

    for KeyValue(method, names) in directives.Tuples do
        let dot = method.LastIndexOf '.'

        let found =
            types[method[.. dot - 1]].GetMethods()
            |> Array.filter (fun m -> m.Name = method[dot + 1 ..])

        let named =
            found
            |> Array.choose (fun m ->
                m.ReturnParameter.GetCustomAttributes(
                    typeof<Runtime.CompilerServices.TupleElementNamesAttribute>,
                    true
                )
                |> Array.tryHead
                |> Option.map (fun a ->
                    (a :?> Runtime.CompilerServices.TupleElementNamesAttribute).TransformNames
                    |> List.ofSeq))

        Assert.True(named.Length > 0, $"{method} has no named parts")

        for parts in named do
            Assert.Equal(String.Join(" ", names), String.Join(" ", parts))
